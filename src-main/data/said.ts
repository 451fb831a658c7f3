/** What a user should know of the data: a warning, or a decision that was made for them. */
export interface Said {
  type: "warning" | "note";
  text: string;
}
