"""Known answers of the statistics, by SciPy, scikit-learn and statsmodels: python3 test/reference/make_statistics.py

Writes statistics.json, inputs included.
"""

import json
from pathlib import Path

import numpy as np
from scipy import stats
from scipy.special import rel_entr
from sklearn import metrics
from statsmodels.stats.contingency_tables import mcnemar

IMAGES, CLASSES = 60, 4
random = np.random.default_rng(0)


def t_interval(differences):
    return stats.t.interval(0.95, len(differences) - 1, loc=np.mean(differences), scale=stats.sem(differences))


def interval(differences):
    low, high = t_interval(differences)
    return {"differences": differences, "deviation": np.std(differences, ddof=1), "low": low, "high": high}


def bootstrap(gained, lost, images):
    differences = np.array([1.0] * gained + [-1.0] * lost + [0.0] * (images - gained - lost))
    found = stats.bootstrap((differences,), np.mean, n_resamples=50_000, batch=500, method="percentile", random_state=np.random.default_rng(1))
    return {"gained": gained, "lost": lost, "images": images, "low": found.confidence_interval.low, "high": found.confidence_interval.high}


def predictions():
    probabilities = random.dirichlet([0.5] * CLASSES, IMAGES).round(4)
    labels = np.array([random.choice(CLASSES, p=row / row.sum()) for row in probabilities])
    teacher = random.dirichlet([0.7] * CLASSES, IMAGES).round(4) + 1e-4
    predicted, confidence = probabilities.argmax(1), probabilities.max(1)
    precision, recall, _, count = metrics.precision_recall_fscore_support(labels, predicted, labels=range(CLASSES))
    by_bin = lambda values, statistic: stats.binned_statistic(confidence, values, statistic, bins=15, range=(0, 1)).statistic
    right = predicted == labels
    sizes = by_bin(None, "count")
    gaps = np.abs(by_bin(right, "sum") - by_bin(confidence, "sum"))
    return {
        "labels": labels.tolist(),
        "probabilities": probabilities.tolist(),
        "teacher": teacher.tolist(),
        "accuracy": metrics.accuracy_score(labels, predicted),
        "top2": metrics.top_k_accuracy_score(labels, probabilities, k=2),
        "confusion": metrics.confusion_matrix(labels, predicted).tolist(),
        "precision": precision.tolist(),
        "recall": recall.tolist(),
        "count": count.tolist(),
        "calibrationError": gaps.sum() / IMAGES,
        "binCounts": sizes.tolist(),
        "agreement": metrics.accuracy_score(teacher.argmax(1), predicted),
        # entropy() would divide rows by their sums, which rounding has moved off 1.
        "divergence": rel_entr(teacher, np.maximum(probabilities, 5e-324)).sum(1).mean(),
    }


result = {
    "studentT": [{"freedom": n, "t": stats.t.ppf(0.975, n)} for n in (1, 2, 3, 4, 9, 10, 29, 120, 999)],
    "intervals": [interval(d) for d in ([0.184, 0.171, 0.19], [0.01, -0.02], [0.001, 0.021, 0.01, -0.004, 0.013])],
    "mcNemar": [{"first": b, "second": c, "p": mcnemar([[0, b], [c, 0]], exact=True).pvalue} for b, c in ((10, 2), (0, 0), (7, 7), (300, 120), (2500, 2400))],
    "bootstrap": [bootstrap(*case) for case in ((260, 80, 1000), (13, 9, 100), (500, 520, 10_000))],
    "predictions": predictions(),
}
Path(__file__).with_name("statistics.json").write_text(json.dumps(result, indent=1) + "\n")
