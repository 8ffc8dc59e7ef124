/** What a person chose about the looks: kept in this browser, applied to the root element (theme.js does so first). */

import { effect, signal } from "@preact/signals";

function stored(key, choices) {
  const value = signal(choices[0]);
  try {
    const kept = localStorage.getItem(`kontor.${key}`);
    if (choices.includes(kept)) value.value = kept;
  } catch {
    return value;
  }
  effect(() => localStorage.setItem(`kontor.${key}`, value.value));
  return value;
}

export const theme = stored("theme", ["system", "dark", "light"]);
export const palette = stored("palette", ["green-red", "blue-orange"]);

effect(() => {
  document.documentElement.dataset.theme = theme.value;
  document.documentElement.dataset.palette = palette.value;
});
