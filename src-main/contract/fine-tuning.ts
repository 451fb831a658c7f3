/** Which of a network's weights may be trained on after its last layer was fitted: those of the last stage and layer, or all. */
export const FINE_TUNED = ["last", "all"] as const;
/** What it is done with where nothing else is said. */
export const FINE_TUNING = { epochs: 5, learningRate: 1e-4 };
