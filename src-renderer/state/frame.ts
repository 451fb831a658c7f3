/**
 * A function that has `change` run together with the next frame, once, however often it is called before; at once where nothing is drawn. No frames
 * come while the window is hidden: what others depend on must not wait for one.
 */
export function oncePerFrame(change: () => void): () => void {
  let isDue = false;
  const run = () => {
    isDue = false;
    change();
  };
  return () => {
    if (isDue) return;
    isDue = true;
    if (typeof requestAnimationFrame === "function") requestAnimationFrame(run);
    else run();
  };
}
