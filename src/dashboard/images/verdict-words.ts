import type { WhyAnswer } from "../../admin/routes/why.ts";

/** What a pull of the image would do first, as a sentence without its end. */
export function verdictWords({ verdict, trouble, rule }: WhyAnswer): string {
  switch (verdict) {
    case "denied":
      return `It is refused: ${rule.denial ?? "a rule denies it"}`;
    case "not-found":
      return "It is answered with “not found”, as upstream said a moment ago";
    case "asked":
      return "Upstream is asked, for nothing of it is here";
    case "answered":
      return "It is answered from the store; upstream is not asked";
    case "answered-and-asked":
      return "It is answered from the store, and upstream is asked behind the answer";
    case "asked-first":
      return "Upstream is asked first whether the tag has moved";
    case "answered-stale":
      return `It is answered from the store, marked as stale: ${trouble ?? "upstream gives no answer"}`;
  }
}
