export const SCREENS = ["data", "setup", "live", "predict", "runs"] as const;
export type Screen = (typeof SCREENS)[number];
