/** The text of a file, as part of the bundle. */
declare module "*?raw" {
  const text: string;
  export default text;
}
