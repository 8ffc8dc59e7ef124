/** The colours of the tokens as the canvas needs them: computed, and again whenever the theme or palette changes. */

import { computed, signal } from "@preact/signals";

import { palette, theme } from "./settings.js";

const systemChanges = signal(0);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  systemChanges.value += 1;
});

const NAMES = ["surface-1", "line", "line-faint", "text-strong", "text-faint", "accent", "buy", "sell", "buy-tint", "sell-tint"];

function read() {
  const probe = document.createElement("span");
  probe.hidden = true;
  document.body.append(probe);
  const colours = {};
  for (const name of NAMES) {
    probe.style.color = `var(--${name})`;
    colours[name] = getComputedStyle(probe).color;
  }
  probe.remove();
  return colours;
}

export const colours = computed(() => {
  void [theme.value, palette.value, systemChanges.value];
  return read();
});
