/** The colours that the user chose. The page follows the system's; in the app the system is told to have others, in a browser the style sheet is. */
import type { Theme } from "../../src-main/contract/host";

const DARK = "(prefers-color-scheme: dark)";
/** When the dark rules hold. */
const MEDIA: Record<Theme, string> = { system: DARK, light: "not all", dark: "all" };

const rules = (): CSSMediaRule[] =>
  [...document.styleSheets].flatMap((sheet) => [...sheet.cssRules]).filter((rule): rule is CSSMediaRule => rule instanceof CSSMediaRule);

let darkRules: CSSMediaRule[] | null = null;

export function applyTheme(theme: Theme): void {
  darkRules ??= rules().filter(({ media }) => media.mediaText === DARK);
  for (const { media } of darkRules) media.mediaText = MEDIA[theme];
  document.documentElement.style.colorScheme = theme === "system" ? "" : theme;
  // Charts draw their own colours.
  dispatchEvent(new Event("themechange"));
}
