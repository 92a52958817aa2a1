import { Component, type ComponentChildren, h, type JSX, type TargetedEvent } from "preact";
import { useEffect, useState } from "preact/hooks";
import { ClientsView } from "./clients/clients-view.ts";
import { ImageView } from "./images/image-view.ts";
import { ImagesView } from "./images/images-view.ts";
import type { LiveFeed, LiveState } from "./live-feed.ts";
import { NowView } from "./now/now-view.ts";
import { Notice } from "./parts/notice.ts";
import { hashOf, type Route, type View } from "./route.ts";
import { StorageView } from "./storage/storage-view.ts";
import { chooseTheme, presentTheme, type Theme, themes } from "./theme.ts";
import { TimeView } from "./time/time-view.ts";
import { useRoute } from "./use-route.ts";
import { shown } from "./words.ts";

/** The whole page: where one is, and the view itself. */
export function App({ feed }: { readonly feed: LiveFeed }): JSX.Element {
  const route = useRoute();
  const live = useLive(feed);
  useEffect(() => {
    document.title = titleOf(route);
  });
  return h("div", { class: "page" }, [
    h("a", { class: "skip", href: "#main", onClick: skip }, "Skip to the content"),
    h("header", { class: "top" }, [
      h("a", { class: "mark", href: hashOf("now"), "aria-label": "sluice" }, "sluice"),
      h(Navigation, { route }),
      h(Connection, { live }),
      h(ThemeSwitch, null),
    ]),
    h(Lost, { live }),
    h(
      "main",
      { id: "main", tabIndex: -1 },
      h(Caught, { key: location.hash }, viewOf(route, feed, live)),
    ),
  ]);
}

function viewOf(route: Route, feed: LiveFeed, live: LiveState): JSX.Element {
  switch (route.view) {
    case "now":
      return h(NowView, { live, rates: feed.rates });
    case "time":
      return h(TimeView, { route, now: live.now });
    case "storage":
      return h(StorageView, { now: live.now });
    case "images":
      return h(ImagesView, { route, now: live.now });
    case "image":
      return h(ImageView, { key: route.image, name: route.image, now: live.now });
    case "clients":
      return h(ClientsView, { route });
  }
}

const titles: readonly (readonly [View, string])[] = [
  ["now", "Now"],
  ["time", "Over time"],
  ["storage", "Storage"],
  ["images", "Images"],
  ["clients", "Clients"],
];

function titleOf({ view, image }: Route): string {
  const title = view === "image" ? shown(image) : titles.find(([one]) => one === view)?.[1];
  return `${title} · sluice`;
}

function Navigation({ route }: { readonly route: Route }): JSX.Element {
  const present = route.view === "image" ? "images" : route.view;
  const links = titles.map(([view, title]) =>
    h("a", { href: hashOf(view), "aria-current": view === present ? "page" : undefined }, title),
  );
  return h("nav", { "aria-label": "Views" }, links);
}

const connections: Readonly<Record<LiveState["connection"], string>> = {
  connecting: "Connecting",
  open: "Live",
  lost: "Reconnecting",
};

function Connection({ live: { connection } }: { readonly live: LiveState }): JSX.Element {
  return h("span", { class: `connection ${connection}`, role: "status" }, connections[connection]);
}

function Lost({ live }: { readonly live: LiveState }): JSX.Element | null {
  if (live.connection !== "lost") return null;
  const old = live.now ? " What you see is from the last moment that it told of." : "";
  return h(Notice, { kind: "bad" }, [
    h("strong", null, "The connection to the mirror is lost. "),
    `${shown(live.problem ?? "It gives no answer.")}${old} Trying again by itself.`,
  ]);
}

const themeNames: Readonly<Record<Theme, string>> = {
  auto: "Auto",
  light: "Light",
  dark: "Dark",
};

function ThemeSwitch(): JSX.Element {
  const [theme, setTheme] = useState(presentTheme());
  const options = themes.map((one) => h("option", { value: one }, themeNames[one]));
  return h(
    "select",
    {
      class: "theme",
      "aria-label": "Theme",
      value: theme,
      onChange: ({ currentTarget }: TargetedEvent<HTMLSelectElement>) => {
        const chosen = themes.find((one) => one === currentTarget.value) ?? "auto";
        chooseTheme(chosen);
        setTheme(chosen);
      },
    },
    options,
  );
}

/** A view that fails takes neither the navigation nor the others with it. */
class Caught extends Component<{ children?: ComponentChildren }, { failed: boolean }> {
  override state: { failed: boolean } = { failed: false };

  static override getDerivedStateFromError(): { failed: boolean } {
    return { failed: true };
  }

  override render(): ComponentChildren {
    if (!this.state.failed) return this.props.children;
    return h(
      Notice,
      { kind: "bad" },
      "This view failed. That is a bug in sluice: the browser's console says more.",
    );
  }
}

function useLive(feed: LiveFeed): LiveState {
  const [state, setState] = useState(feed.state);
  useEffect(() => feed.follow(() => setState(feed.state)), [feed]);
  return state;
}

// The hash is taken by the view.
function skip(event: Event): void {
  event.preventDefault();
  document.getElementById("main")?.focus();
}
