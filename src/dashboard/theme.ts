/** What the page looks like: as the system says, or as somebody chose. */
export type Theme = "auto" | "light" | "dark";

export const themes: readonly Theme[] = ["auto", "light", "dark"];

export function presentTheme(): Theme {
  const { theme } = document.documentElement.dataset;
  return themes.find((one) => one === theme) ?? "auto";
}

/** Kept for the next visit. */
export function chooseTheme(theme: Theme): void {
  document.documentElement.dataset["theme"] = theme;
  localStorage.setItem("theme", theme);
  // What is drawn has no style that follows by itself.
  dispatchEvent(new Event("themechange"));
}
