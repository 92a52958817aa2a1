import { access, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { inCheckout } from "./deploy.ts";

/** What people read, beside what is generated. */
export const documents = [
  "README.md",
  "docs/access.md",
  "docs/answers.md",
  "docs/operations.md",
  "docs/registries.md",
  "docs/storage.md",
  "deploy/README.md",
] as const;

/** The pieces of code in a Markdown document: the lines of its blocks, and what stands between backticks. */
export async function codeIn(document: string): Promise<string[]> {
  const text = await readFile(inCheckout(document), "utf8");
  const blocks = text.split(/^```.*$/m);
  const lines = blocks.filter((_, at) => at % 2 === 1).flatMap((block) => block.split("\n"));
  const prose = blocks.filter((_, at) => at % 2 === 0).join("");
  const spans = [...prose.matchAll(/`([^`]+)`/g)].map(([, code = ""]) => code);
  return [...lines, ...spans].map((code) => code.trim()).filter(Boolean);
}

/** The blocks of a language in a Markdown document, such as `yaml`, less the indentation of the list that they stand in. */
export async function blocksIn(document: string, language: string): Promise<string[]> {
  const text = await readFile(inCheckout(document), "utf8");
  const blocks = text.matchAll(/^( *)```(\w*)\n(.*?)^ *```$/gms);
  return [...blocks]
    .filter(([, , written]) => written === language)
    .map(([, indentation = "", , block = ""]) =>
      block.replaceAll(new RegExp(`^${indentation}`, "gm"), ""),
    );
}

/** The arguments of each call of sluice in a piece of code, as far as the shell leaves them to it. */
export function callsOf(code: string): string[][] {
  const starts = /(?:^|\$ |&& |; |-- |exec sluice |[A-Z]+=\S+ )(?:bin\/)?sluice(?= |$)([^#;>"&]*)/g;
  return [...code.matchAll(starts)].map(([, rest = ""]) => {
    // "\|" is how a table writes "or"; what follows it, and what follows a pipe, is another call.
    const [own = ""] = rest.split(/\\?\|| {2}/);
    return own.replaceAll(/[[\]]/g, "").split(" ").filter(Boolean);
  });
}

/** The links of a document to files and headings of this checkout that are not there. */
export async function brokenLinks(document: string): Promise<string[]> {
  const text = await readFile(inCheckout(document), "utf8");
  const links = [...text.matchAll(/\]\((?!https?:)([^)\s]+)\)/g)].map(([, link = ""]) => link);
  const broken = await Promise.all(
    links.map(async (link) => ((await leads(document, link)) ? [] : link)),
  );
  return broken.flat();
}

async function leads(document: string, link: string): Promise<boolean> {
  const [path = "", anchor] = link.split("#");
  const target = path === "" ? document : join(dirname(document), path);
  if (anchor === undefined)
    return access(inCheckout(target)).then(
      () => true,
      () => false,
    );
  return anchorsOf(await readFile(inCheckout(target), "utf8")).includes(anchor);
}

// As GitHub makes them of headings.
function anchorsOf(markdown: string): string[] {
  const headings = [...markdown.matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) => heading);
  return headings.map((heading) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-"),
  );
}
