import { h, render } from "preact";
import { App } from "./app.ts";
import { LiveFeed } from "./live-feed.ts";

const page = document.getElementById("page");
if (page) {
  const feed = new LiveFeed();
  feed.start();
  render(h(App, { feed }), page);
}
