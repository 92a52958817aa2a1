import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { type Browser, chromium, type Page } from "playwright-core";
import { programPath } from "./real-program.ts";

export interface WindowOptions {
  readonly width?: number;
  readonly height?: number;
  readonly colorScheme?: "light" | "dark";
  /** What its user types in when they are asked who they are. */
  readonly login?: { readonly username: string; readonly password: string };
}

/** A name by which the browser finds this machine, and that is none of loopback. */
export const nameOfThisMachine = "mirror.lan";

/** Debian's Chromium without a window. What its pages complain of fails the test: `complaints`. */
export class TestBrowser implements AsyncDisposable {
  /** Exceptions, violations of the page's policy, files that are not there. */
  readonly complaints: string[] = [];
  readonly #browser: Browser;

  private constructor(browser: Browser) {
    this.#browser = browser;
  }

  static async start(): Promise<TestBrowser> {
    const executablePath = programPath("chromium");
    // As root it runs without a sandbox only; it sees nothing but our own pages.
    const unguarded = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
    const named = `--host-resolver-rules=MAP ${nameOfThisMachine} 127.0.0.1`;
    return new TestBrowser(await chromium.launch({ executablePath, args: [...unguarded, named] }));
  }

  /** A new window, as another person's: nothing is remembered from one to the next. */
  async open(url: string, options: WindowOptions = {}): Promise<Page> {
    const { width = 1280, height = 900, colorScheme = "light", login } = options;
    const page = await this.#browser.newPage({
      viewport: { width, height },
      colorScheme,
      ...(login && { httpCredentials: login }),
    });
    page.setDefaultTimeout(20_000);
    page.on("pageerror", (error) => this.complaints.push(String(error)));
    page.on("console", (message) => {
      if (message.type() === "error") this.complaints.push(message.text());
    });
    await page.goto(url);
    return page;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#browser.close();
  }
}

/** A picture of all of the page, for people, where `SLUICE_SCREENSHOTS` names a directory for it. */
export async function screenshot(page: Page, name: string): Promise<void> {
  const directory = process.env["SLUICE_SCREENSHOTS"];
  if (directory === undefined) return;
  await mkdir(directory, { recursive: true });
  await page.screenshot({ path: join(directory, `${name}.png`), fullPage: true });
}
