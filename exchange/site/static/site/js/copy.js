/** Buttons with data-copy put the text of the element of that id on the clipboard, where the browser has one. */

const told = document.querySelector("[data-copied]");

async function copy(button) {
  const source = document.getElementById(button.dataset.copy);
  try {
    await navigator.clipboard.writeText(source.textContent);
    button.textContent = "Copied";
    told.textContent = "Copied.";
  } catch {
    getSelection().selectAllChildren(source);
    button.textContent = "Selected: copy it by keyboard";
    told.textContent = "It could not be copied, it is selected.";
  }
}

if (navigator.clipboard !== undefined) {
  for (const button of document.querySelectorAll("[data-copy]")) {
    button.hidden = false;
    button.addEventListener("click", () => copy(button));
  }
}
