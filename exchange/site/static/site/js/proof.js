/**
 * Where the exchange wants to know anew who is there: the page goes to prove it, and finds what was entered when it is back.
 *
 * That is kept in this window and not in the address, so that no stranger's link can fill in a form.
 */

/** What was entered under this name before the page left, once. */
export function takeKept(name) {
  const kept = JSON.parse(sessionStorage.getItem(name) ?? "{}");
  sessionStorage.removeItem(name);
  return kept;
}

export function prove(confirmPath, name, typed) {
  sessionStorage.setItem(name, JSON.stringify(typed));
  location.assign(`${confirmPath}?${new URLSearchParams({ next: location.pathname })}`);
}
