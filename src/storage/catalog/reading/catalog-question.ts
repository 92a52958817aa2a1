import type { EvictionPlan, VictimRequest } from "../../eviction/eviction.ts";
import type { PinnedContent } from "../../eviction/pins.ts";
import type { PurgePlan } from "../../eviction/purge-plan.ts";
import type { ImageList, ImageListRequest } from "../../images/image-list.ts";
import type { SharedContent, Sharers } from "../../images/image-sharers.ts";
import type { NamedMove } from "../../images/latest-moves.ts";
import type { LoggedPulls } from "../../images/logged-pulls.ts";
import type { WantedImage } from "../../images/near-images.ts";
import type { RecentImages } from "../../images/recent-images.ts";
import type { StoredOfUpstream } from "../../images/stored-by-upstream.ts";
import type { TrafficQuestion } from "../../statistics/read-traffic.ts";
import type { SavingsReport, SavingsRequest } from "../../statistics/savings-report.ts";
import type { MinuteTraffic } from "../../statistics/traffic-meter.ts";
import type { TrafficReport } from "../../statistics/traffic-report.ts";

/** What is asked of the catalog as a whole, and may take a second: never on the thread that answers pulls. */
export type CatalogQuestion =
  | { readonly kind: "victims"; readonly request: VictimRequest }
  | { readonly kind: "pulls"; readonly sinceMs: number }
  | { readonly kind: "purge"; readonly patterns: readonly string[] }
  | { readonly kind: "pinned"; readonly patterns: readonly string[] }
  | { readonly kind: "images"; readonly request: ImageListRequest }
  | { readonly kind: "near"; readonly wanted: WantedImage }
  | { readonly kind: "sharers"; readonly shared: SharedContent }
  | { readonly kind: "recent"; readonly sinceMs: number }
  | ({ readonly kind: "traffic" } & TrafficQuestion)
  | {
      readonly kind: "savings";
      readonly request: SavingsRequest;
      readonly pending: readonly MinuteTraffic[];
    }
  | { readonly kind: "moves"; readonly limit: number }
  | { readonly kind: "upstreams" };

/** What each of them is answered with. */
export interface CatalogAnswers {
  readonly victims: EvictionPlan;
  readonly pulls: LoggedPulls;
  readonly purge: PurgePlan;
  readonly pinned: PinnedContent;
  readonly images: ImageList;
  /** Full names of up to five stored images that may have been meant, the nearest first. */
  readonly near: readonly string[];
  readonly sharers: Sharers;
  readonly recent: RecentImages;
  readonly traffic: TrafficReport;
  readonly savings: SavingsReport;
  readonly moves: readonly NamedMove[];
  readonly upstreams: readonly StoredOfUpstream[];
}
