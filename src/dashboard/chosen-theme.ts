// Before the first paint, so that a page whose theme was chosen never shows in the other one. No module: those run later.
document.documentElement.dataset["theme"] = localStorage.getItem("theme") ?? "auto";
