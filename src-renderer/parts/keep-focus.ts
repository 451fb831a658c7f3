/**
 * Whoever uses the keys alone is never thrown back to the beginning of the page: where what has the focus is taken out of the page, what comes in its place gets it,
 * and where it is disabled for a while, it has it again afterwards. Of a whole screen that comes, it is the first of its buttons. Returns what ends it.
 */
export function keepFocus(page: HTMLElement): () => void {
  let last: HTMLElement | null = null;
  const remember = ({ target }: Event) => {
    last = target as HTMLElement;
  };
  /** Whoever presses beside all buttons wants the focus nowhere. */
  const forget = () => {
    last = null;
  };
  const observer = new MutationObserver((changes) => {
    if (!last || document.activeElement !== document.body) return;
    if (last.isConnected) return last.focus({ preventScroll: true });
    successorOf(last, changes)?.focus({ preventScroll: true });
  });
  page.addEventListener("focusin", remember);
  page.addEventListener("pointerdown", forget, true);
  observer.observe(page, { subtree: true, childList: true, attributeFilter: ["disabled"] });
  return () => {
    page.removeEventListener("focusin", remember);
    page.removeEventListener("pointerdown", forget, true);
    observer.disconnect();
  };
}

function successorOf(lost: HTMLElement, changes: readonly MutationRecord[]): HTMLElement | undefined {
  const taken = (node: Node) => node.contains(lost);
  // The last of them took it out with most of what was around it.
  const change = changes.findLast(({ target, removedNodes }) => target.isConnected && [...removedNodes].some(taken));
  if (!change) return undefined;
  const around = change.target as HTMLElement;
  const gone = [...change.removedNodes].find(taken) as HTMLElement;
  const place = elementAfter(change.previousSibling, around) ?? around;
  if (place.querySelector("h1")) return focusable(place)[0];
  // From the end: rows, and what is beside a title, have what belongs to all of them there.
  const behind = all(gone).length - 1 - all(gone).indexOf(lost);
  const offered = focusable(place).length > 0 ? focusable(place) : focusable(around);
  return offered.at(-1 - behind) ?? offered[0];
}

/** What stands after a node that was left where it is; the last one, where there is none after it. */
function elementAfter(node: Node | null, around: HTMLElement): HTMLElement | null {
  let next = node && node.parentNode === around ? node.nextSibling : around.firstChild;
  while (next && !(next instanceof HTMLElement)) next = next.nextSibling;
  return (next ?? around.lastElementChild) as HTMLElement | null;
}

const PRESSED = "button, input, select, textarea, summary, a[href]";

/** In the order of the page, with the element itself. */
const all = (within: HTMLElement) => [...(within.matches(PRESSED) ? [within] : []), ...within.querySelectorAll<HTMLElement>(PRESSED)];

const focusable = (within: HTMLElement) => all(within).filter((one) => !one.matches(":disabled"));
