# ---- Networks and what they minimise -------------------------------------------------------------------------------------------------


def built(network, weights):
    if network["own"]:
        sys.path.insert(0, HERE)
        import distill_models  # registers what timm does not have
    model = timm.create_model(network["architecture"], num_classes=len(CLASSES), **network["args"])
    model.load_state_dict(load_file(os.path.join(HERE, weights)))
    return model


# [if grids]
def grid_of(stage, activations):
    """[N,S,S,C]: a map, or the patch tokens without those before them."""
    if stage["kind"] == "map":
        return activations.permute(0, 2, 3, 1)
    first, side = stage["prefix"], stage["side"]
    return activations[:, first : first + side**2].reshape(len(activations), side, side, -1)


def resized(grid, side):
    """The same on a grid of side x side: by means over windows, or between the places where there are fewer."""
    if grid.shape[1] == side:
        return grid
    x = grid.permute(0, 3, 1, 2)
    x = F.adaptive_avg_pool2d(x, side) if side <= x.shape[2] else F.interpolate(x, size=(side, side), mode="bilinear", align_corners=False)
    return x.permute(0, 2, 3, 1)


# [end]
# [if guided]
class Guide(torch.nn.Module):
    """A linear layer from the student's channels at a place to the teacher's, each normalised by its mean and deviation. It is trained too, and dropped at the end."""

    def __init__(self, name, mean, std):
        super().__init__()
        start = load_file(os.path.join(HERE, "guides.safetensors"))
        weight, bias = (start[f"{name}.project.{part}"] for part in ("weight", "bias"))
        self.project = torch.nn.Linear(weight.shape[1], weight.shape[0])
        self.project.load_state_dict({"weight": weight, "bias": bias})
        self.register_buffer("mean", mean)
        self.register_buffer("std", std)

    def normalised(self, features):
        return (features - self.mean) / (self.std + 1e-6)


def channels_of(teacher, stage, split, count, device):
    """Mean and deviation of each channel of a teacher's stage, over all places in the first `count` images."""
    rows = []
    with torch.no_grad():
        for part in torch.arange(count).split(100):
            _, seen = teacher.observed(normalised(split.take(part), NETWORKS["teachers"][0], device), [stage])
            rows.append(grid_of(stage, seen[stage["name"]]).reshape(-1, stage["channels"]).double())
    rows = torch.cat(rows)
    return rows.mean(0).float(), rows.std(0).float()


# [end]
class Network(torch.nn.Module):
    """A model whose activations at some stages can be looked at, with what is trained beside it."""

    def __init__(self, model, guides=()):
        super().__init__()
        self.model, self.guides = model, torch.nn.ModuleList(guides)

    def observed(self, images, stages):
        """Logits, and activations by the stage's name."""
        seen = {}
        keep = lambda name: lambda module, inputs, output: seen.update({name: output})
        hooks = [self.model.get_submodule(stage["module"]).register_forward_hook(keep(stage["name"])) for stage in stages]
        logits = self.model(images)
        for hook in hooks:
            hook.remove()
        return logits, seen

    def forward(self, images, stages=()):
        logits, seen = self.observed(images, stages)
        # [if guided]
        # Here, so that gradients of several processes are joined.
        for guide, route in zip(self.guides, (route for route in SETTINGS["routes"] if route["guide"])):
            own = resized(grid_of(route["student"], seen[route["student"]["name"]]), route["side"])
            seen[route["guide"]] = guide.project(own)
        # [end]
        return logits, seen


# What a student learns from besides the labels. `b` has its logits, the labels, the teacher's logits, and the activations of both by stage. Each returns the loss
# and its parts by name; all are means over the images.


# [if divergence]
def divergence(student, teacher, T):
    """T^2 KL(softmax(teacher / T) || softmax(student / T))"""
    return T**2 * F.kl_div(F.log_softmax(student / T, 1), F.softmax(teacher / T, 1), reduction="batchmean")


# [end]
# [if kind soft]
def soft(term, route, b):
    kd = divergence(b.logits, b.teacher, term["temperature"])
    return kd, {"kd": kd}


# [end]
# [if kind standardized-soft]
def standardized_soft(term, route, b):
    standard = lambda z: (z - z.mean(1, keepdim=True)) / (z.std(1, keepdim=True) + 1e-7)
    kd = divergence(standard(b.logits), standard(b.teacher), term["temperature"])
    return kd, {"standardized_kd": kd}


# [end]
# [if kind dkd]
def dkd(term, route, b):
    T, K = term["temperature"], b.logits.shape[1]
    own = F.one_hot(b.labels, K).bool()
    # Of the true class and all others together, and of the others alone.
    both = lambda z: torch.stack([z[own], T * torch.logsumexp(z.masked_fill(own, -math.inf) / T, 1)], 1)
    others = lambda z: z[~own].reshape(len(z), K - 1)
    tckd, nckd = (divergence(part(b.logits), part(b.teacher), T) for part in (both, others))
    return term["alpha"] * tckd + term["beta"] * nckd, {"tckd": tckd, "nckd": nckd}


# [end]
# [if kind hard]
def hard(term, route, b):
    loss = F.cross_entropy(b.logits, b.teacher.argmax(1))
    return loss, {"hard": loss}


# [end]
# [if kind logit-matching]
def logit_matching(term, route, b):
    loss = F.mse_loss(b.logits, b.teacher)
    return loss, {"logit_mse": loss}


# [end]
# [if kind token]
def token(term, route, b):
    loss = F.cross_entropy(b.token, b.teacher.argmax(1)) if term["targets"] == "hard" else divergence(b.token, b.teacher, term["temperature"])
    return loss, {"token": loss}


# [end]
# [if guided]
def guided(term, route, b):
    loss = F.mse_loss(b.student[route["guide"]], b.teacher_grid(route))
    return loss, {term["kind"]: loss}


# [end]
# [if kind attention-transfer]
def attention_transfer(term, route, b):
    energy = lambda grid: F.normalize(grid.square().sum(-1).flatten(1))
    own = resized(grid_of(route["student"], b.student[route["student"]["name"]]), route["side"])
    loss = F.mse_loss(energy(own), energy(b.teacher_grid(route)))
    return loss, {"attention_transfer": loss}


# [end]
OBJECTIVES = {
    # [if kind soft]
    "soft": soft,
    # [end]
    # [if kind standardized-soft]
    "standardized-soft": standardized_soft,
    # [end]
    # [if kind dkd]
    "dkd": dkd,
    # [end]
    # [if kind hard]
    "hard": hard,
    # [end]
    # [if kind logit-matching]
    "logit-matching": logit_matching,
    # [end]
    # [if kind token]
    "token": token,
    # [end]
    # [if kind locality]
    "locality": guided,
    # [end]
    # [if kind features]
    "features": guided,
    # [end]
    # [if kind attention-transfer]
    "attention-transfer": attention_transfer,
    # [end]
}


def loss_of(b, labelled, distillation):
    """The weighted sum that is minimised, and its parts by name. `labelled`: so many of this process's images have labels, on average."""
    smoothing = RECIPE["train"]["labelSmoothing"]
    # [if mixed]
    targets = (1 - smoothing) * b.mixture + smoothing * b.mixture.mean(1, keepdim=True)
    ce = -(targets * F.log_softmax(b.logits, 1)).sum()
    # [end]
    # [if unmixed]
    ce = F.cross_entropy(b.logits, b.labels, label_smoothing=smoothing, ignore_index=-1, reduction="sum")
    # [end]
    parts = {"ce": ce / max(labelled, 1e-9)}
    if distillation is None:
        return parts["ce"], parts
    loss = distillation["labels"] * parts["ce"]
    for term, route in zip(distillation["terms"], SETTINGS["routes"]):
        value, own = OBJECTIVES[term["kind"]](term, route, b)
        loss = loss + term["weight"] * value
        parts.update({name + route["number"]: part for name, part in own.items()})
    return loss, parts


def optimizer_of(network, train):
    """Biases and norms do not decay, nor what the model says of positions and tokens, if only matrices do."""
    spared = {f"model.{name}" for name in network.model.no_weight_decay()} if hasattr(network.model, "no_weight_decay") else set()
    decays = [train["decay"] == "all" or (p.ndim > 1 and name not in spared) for name, p in network.named_parameters()]
    groups = [{"params": [p for p, d in zip(network.parameters(), decays) if d == wanted], "weight_decay": train["weightDecay"] if wanted else 0} for wanted in (True, False)]
    groups = [group for group in groups if group["params"]]
    if train["optimizer"] == "adamw":
        return torch.optim.AdamW(groups, lr=train["learningRate"])
    return torch.optim.SGD(groups, lr=train["learningRate"], momentum=train["momentum"], nesterov=train["nesterov"])


def rate_at(train, batches, epoch, batch):
    """The learning rate of a step; epoch and batch count from 0."""
    by_epoch = train["schedule"] == "cosine-epoch"
    units = 1 if by_epoch else batches
    now = epoch if by_epoch else epoch * batches + batch
    warmup = train["warmupEpochs"] * units
    if now < warmup:
        return train["learningRate"] * min(1, (now + 1) / warmup)
    if train["schedule"] == "constant":
        return train["learningRate"]
    return train["learningRate"] * (1 + math.cos(math.pi * (now - warmup) / (train["epochs"] * units - warmup))) / 2
