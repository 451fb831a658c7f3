// Runs in the page: what a person cannot see or reach of it. Gives it the function `flawsOfPage`.
(() => {
  const GRACE_PX = 1.5;
  const nameOf = (element) => {
    const label = element.getAttribute("aria-label") ?? element.textContent.trim().replace(/\s+/g, " ").slice(0, 50);
    const classes = [...element.classList].filter((name) => !name.startsWith("s-") && !name.startsWith("svelte-")).join(".");
    return `${element.localName}${classes && `.${classes}`} "${label}"`;
  };
  /** Folded parts have a size, too. */
  const isFolded = (element) => element.parentElement?.closest("details:not([open])") && !element.closest("summary");
  const isShown = (element) => {
    const { width, height } = element.getBoundingClientRect();
    return (
      width > 0 && height > 0 && getComputedStyle(element).visibility === "visible" && !element.closest(".visually-hidden, [hidden]") && !isFolded(element)
    );
  };
  /** Scrolls sideways by itself, as a wide table does. */
  const scrollsSideways = (element) => element.closest("[data-scrolls]") !== null;
  const related = (a, b) => a.contains(b) || b.contains(a) || (a.closest("label") !== null && a.closest("label") === b.closest("label"));

  /** Beyond the edges of the window, or wider than a frame that hides the rest. */
  function cutOff() {
    const { clientWidth: width, clientHeight: height, scrollHeight } = document.documentElement;
    const tooHigh = scrollHeight > height ? [`the page is ${scrollHeight} px high, of which ${height} can be seen`] : [];
    const found = [...document.querySelectorAll("#app *")].filter(isShown).flatMap((element) => {
      if (scrollsSideways(element) || element.closest("svg, option, .uplot")) return [];
      const { left, right } = element.getBoundingClientRect();
      if (right > width + GRACE_PX || left < -GRACE_PX)
        return [`beyond the window: ${nameOf(element)} (${Math.round(left)} to ${Math.round(right)} of ${width})`];
      const { overflowX, textOverflow } = getComputedStyle(element);
      const hides = overflowX !== "visible" && textOverflow !== "ellipsis" && !["INPUT", "SELECT"].includes(element.tagName);
      return hides && element.scrollWidth > element.clientWidth + GRACE_PX
        ? [`cut off: ${nameOf(element)} (${element.scrollWidth} in ${element.clientWidth})`]
        : [];
    });
    return [...tooHigh, ...found];
  }

  /** Another element lies at the middle of a control or of a line of text, wherever the screen is scrolled. */
  function covered() {
    const root = document.querySelector("dialog[open]") ?? document.querySelector(".drop") ?? document.querySelector("#app");
    const things = [...root.querySelectorAll(":is(button, input, select, a, summary, h1, h2, h3, p, dt, dd, th, td, label, small, b)")];
    const flaws = things.filter(isShown).flatMap((element) => {
      if (element.closest("svg, option, .uplot") || getComputedStyle(element).pointerEvents === "none" || getComputedStyle(element).opacity === "0") return [];
      element.scrollIntoView({ block: "center", inline: "nearest" });
      const { left, width, top, height } = element.getBoundingClientRect();
      const at = document.elementFromPoint(left + width / 2, top + height / 2);
      if (at === null || related(at, element)) return at === null ? [`out of reach: ${nameOf(element)}`] : [];
      return [`covered: ${nameOf(element)} by ${nameOf(at)}`];
    });
    for (const scrolled of document.querySelectorAll(".screen, .summary")) scrolled.scrollTop = 0;
    return flaws;
  }

  /** What must be in sight wherever its screen is scrolled. */
  function outOfSight() {
    return [...document.querySelectorAll("#app .start button")].flatMap((button) => {
      const { top, bottom } = button.getBoundingClientRect();
      return top >= 0 && bottom <= innerHeight ? [] : [`out of sight: ${nameOf(button)} (${Math.round(top)} to ${Math.round(bottom)} of ${innerHeight})`];
    });
  }

  globalThis.flawsOfPage = () => [...cutOff(), ...covered(), ...outOfSight()];
})();
