# ---- The run folder ------------------------------------------------------------------------------------------------------------------


def sha256(*parts):
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.hexdigest()


def hash_of(model):
    state = {name: value for name, value in sorted(model.state_dict().items()) if not name.endswith("num_batches_tracked")}
    return sha256(*(b for name, value in state.items() for b in (f"{name} [{','.join(map(str, value.shape))}]\n".encode(), value.detach().cpu().float().contiguous().numpy().tobytes())))


# Of a loss, besides those that every run has a column for.
MORE_PARTS = SETTINGS["parts"]


class RunFolder:
    """What Distill Studio writes of a run, but for its evidence and checkpoints."""

    def __init__(self, directory, arm, recipe, hashes, parameters, teacher_accuracy):
        os.makedirs(directory)
        self.directory = directory
        head = {"schema": 1, "seed": recipe["train"]["seed"], "arm": arm, "recipe": recipe, "hashes": hashes, "classes": CLASSES, "parameters": parameters, "teacherTestAcc": teacher_accuracy}
        with open(os.path.join(directory, "recipe.json"), "w") as file:
            json.dump(head, file, indent=2)
        self.batches = self.table("batches.csv", ["epoch", "iter", "loss", "ce_loss", "kd_loss", "train_acc", "lr", "images_per_second", *(f"{name}_loss" for name in MORE_PARTS)])
        self.epochs = self.table("epochs.csv", ["epoch", "train_loss", "train_acc", "test_acc", "test_loss", "seconds", "val_acc", "val_loss", "ema_acc", "ema_loss"])
        self.event("started", segment=1)

    def table(self, name, columns):
        file = open(os.path.join(self.directory, name), "w", newline="", buffering=1)
        file.write(",".join(columns) + "\n")
        return csv.writer(file, lineterminator="\n")

    def event(self, kind, **more):
        with open(os.path.join(self.directory, "events.jsonl"), "a") as file:
            file.write(json.dumps({"time": time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime()), "type": kind, **more}) + "\n")

    def save(self, model, name="student.safetensors"):
        student = RECIPE["student"]
        sizes = {"imageSize": str(student["imageSize"]), **({"patchSize": str(student["patchSize"])} if student["patchSize"] else {})}
        texts = {name: json.dumps(value) for name, value in (("classes", CLASSES), ("mean", NETWORKS["student"]["mean"]), ("std", NETWORKS["student"]["std"]))}
        state = {name: value.detach().cpu().contiguous() for name, value in model.state_dict().items() if not name.endswith("num_batches_tracked")}
        save_file(state, os.path.join(self.directory, name), metadata={"format": "pt", "model": student["model"], **sizes, **texts})
