/**
 * Making and using passkeys: asks the exchange for a challenge, has the browser answer it, sends the answer.
 *
 * Buttons with data-passkey ("sign-in", "confirm") appear where the browser can do it; the form with data-passkey-form makes one.
 */

import { post } from "./api.js";

const STEPS = {
  "sign-in": ["/sign-in/passkey/begin", "/sign-in/passkey"],
  confirm: ["/settings/confirm/passkey/begin", "/settings/confirm/passkey"],
};

const problemLine = document.querySelector("[data-passkey-problem]");
const canDoIt = typeof window.PublicKeyCredential?.parseRequestOptionsFromJSON === "function";

function say(error) {
  const givenUp = error.name === "NotAllowedError" || error.name === "AbortError";
  const known = error.name === "InvalidStateError";
  problemLine.textContent = givenUp
    ? "No passkey was used. Try again, or take another way."
    : known
      ? "This device has a passkey for this account already."
      : error.message;
}

async function use(button) {
  const [begin, end] = STEPS[button.dataset.passkey];
  const options = await post(begin, {});
  const credential = await navigator.credentials.get({
    publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options.publicKey),
  });
  const done = await post(end, { credential: credential.toJSON() });
  window.location.assign(button.dataset.next || done.next);
}

async function make(form) {
  const options = await post("/settings/passkeys/begin", { password: form.elements.password?.value ?? "" });
  const credential = await navigator.credentials.create({
    publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options.publicKey),
  });
  const done = await post("/settings/passkeys/add", { name: form.elements.name.value, credential: credential.toJSON() });
  if (done.recovery_codes.length === 0) {
    window.location.assign("/settings");
    return;
  }
  const shown = document.querySelector("[data-passkey-codes]");
  shown.querySelector("ul").replaceChildren(
    ...done.recovery_codes.map((code) => {
      const item = document.createElement("li");
      item.append(document.createElement("code"));
      item.firstChild.textContent = code;
      return item;
    }),
  );
  form.hidden = true;
  shown.hidden = false;
}

async function attempt(control, act) {
  problemLine.textContent = "";
  control.disabled = true;
  try {
    await act();
  } catch (error) {
    say(error);
  } finally {
    control.disabled = false;
  }
}

if (canDoIt) {
  for (const button of document.querySelectorAll("[data-passkey]")) {
    button.hidden = false;
    button.addEventListener("click", () => attempt(button, () => use(button)));
  }
}

const form = document.querySelector("[data-passkey-form]");
if (form) {
  const send = form.querySelector("button[type=submit]");
  if (canDoIt) send.disabled = false;
  else problemLine.textContent = "This browser is too old for passkeys.";
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    attempt(send, () => make(form));
  });
}
