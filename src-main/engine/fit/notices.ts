/** What a fit says while it works. */
import type { NoticeBody } from "../../contract/notices";

export type Notify = (notice: NoticeBody) => void;

/** Between two notices of how far work is. */
export const TOLD_EVERY_MS = 500;
