// Runs before the first paint, so that the page never shows in the wrong colours. The rest is settings.js.
try {
  document.documentElement.dataset.theme = localStorage.getItem("kontor.theme") ?? "system";
  document.documentElement.dataset.palette = localStorage.getItem("kontor.palette") ?? "green-red";
} catch {
  document.documentElement.dataset.theme = "system";
}
