/** The API's page: Swagger UI follows the theme of the site. */

import { effect, signal } from "@preact/signals";

import { theme } from "./settings.js";

const query = matchMedia("(prefers-color-scheme: dark)");
const systemIsDark = signal(query.matches);
query.addEventListener("change", () => {
  systemIsDark.value = query.matches;
});

effect(() => {
  const isDark = theme.value === "dark" || (theme.value === "system" && systemIsDark.value);
  document.documentElement.classList.toggle("dark-mode", isDark);
});
