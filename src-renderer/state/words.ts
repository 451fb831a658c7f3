/** Figures and sentences for people. */
import { isHubPath, parseHubPath } from "../../src-main/contract/hub-path";

export { sentence } from "../../src-main/contract/sentence";

const whole = new Intl.NumberFormat("en");

export const count = (value: number): string => whole.format(Math.round(value));

/** 0.6142 -> "61.4" */
export const percent = (share: number): string => (share * 100).toFixed(1);

/** 0.6142 -> "61.4 %" */
export const percentFigure = (share: number): string => `${percent(share)} %`;

/** 0.6 -> "60 %", 0.625 -> "62.5 %" */
export const percentTick = (share: number): string => `${Number(percent(share))} %`;

/** 0.031 -> "+3.1", -0.031 -> "−3.1" */
export function points(difference: number): string {
  const text = percent(Math.abs(difference));
  if (text === "0.0") return "±0.0";
  return `${difference > 0 ? "+" : "−"}${text}`;
}

/** Of a comparison that is still trained: after which epoch, and who is ahead by how much. */
export function soFarInWords({ epoch, value }: { epoch: number; value: number }): string {
  const apart = percent(Math.abs(value));
  const ahead = apart === "0.0" ? "control and student are level" : `the student is ${apart} points ${value > 0 ? "ahead of" : "behind"} the control`;
  return `So far, after epoch ${epoch}: ${ahead}. How certain this is will be shown once both have finished.`;
}

/** 420 -> "about 7 min", 42 -> "about 40 s": for what is only estimated. */
export function roughly(seconds: number): string {
  if (seconds < 55) return `about ${Math.max(5, Math.round(seconds / 5) * 5)} s`;
  if (seconds < 3570) return `about ${Math.round(seconds / 60)} min`;
  return `about ${(seconds / 3600).toFixed(1)} h`;
}

/** 5526346 -> "5.5 M": a digit on which the number of classes has no effect. */
export function parameterCount(value: number): string {
  if (value >= 1e6) return `${(value / 1e6).toFixed(1)} M`;
  return value >= 1e3 ? `${Math.round(value / 1e3)} k` : String(value);
}

/** Bytes: 85899345920 -> "80.0" */
export const gibibytes = (bytes: number): string => (bytes / 2 ** 30).toFixed(1);

/** 200 -> "3 min 20 s" */
export function duration(seconds: number): string {
  if (!Number.isFinite(seconds)) return "–";
  const total = Math.max(0, Math.round(seconds));
  const [hours, minutes, rest] = [Math.floor(total / 3600), Math.floor((total % 3600) / 60), total % 60];
  if (hours > 0) return `${hours} h ${minutes} min`;
  return minutes > 0 ? `${minutes} min ${rest} s` : `${rest} s`;
}

/** "2026-11-24T09:05:00Z" -> "24 Nov 2026, 09:05" in the local zone. */
export function dateTime(iso: string): string {
  const date = new Date(iso);
  if (Number.isNaN(date.getTime())) return "";
  return date.toLocaleString("en-GB", { day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit" });
}

export const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(0)} MB`;

/** Last name of a path, with either kind of separator. */
export const baseName = (path: string): string => path.split(/[\\/]/).filter(Boolean).at(-1) ?? path;

/** Of weights: the name of their file, or of their model on the hub. */
export const weightsName = (weights: string): string => (isHubPath(weights) ? parseHubPath(weights).repository : baseName(weights));

export const folderOf = (path: string): string => path.replace(/[\\/][^\\/]+[\\/]?$/, "");
