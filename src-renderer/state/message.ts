/** A line that reports the result of something the user did, with a possible next step. */
export interface Message {
  kind: "done" | "problem" | "caution";
  text: string;
  action?: { label: string; run: () => void };
  /** Whether it is still true; left out: it always is. */
  holds?: () => boolean;
}

/** Something that cannot be undone, before it is done. */
export interface Question {
  title: string;
  text: string;
  /** The button that does it. */
  verb: string;
  act: () => Promise<void>;
}
