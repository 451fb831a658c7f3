# ---- Training ------------------------------------------------------------------------------------------------------------------------


def evaluated(model, split, network, device):
    """Accuracy and cross-entropy."""
    model.eval()
    with torch.no_grad():
        logits = torch.cat([model(normalised(split.take(part), network, device)) for part in torch.arange(len(split)).split(256)]).cpu()
    return (logits.argmax(1) == split.labels).double().mean().item(), F.cross_entropy(logits, split.labels).item()


def answers_of(teachers, shown, stages, device):
    """Logits, the mean of all teachers by their weights, and the first one's activations by stage."""
    with torch.no_grad():
        answers = [teacher.observed(rendered(shown, network, device), [] if i else stages) for i, (teacher, network) in enumerate(zip(teachers, NETWORKS["teachers"]))]
    weights = [network["weight"] for network in NETWORKS["teachers"]]
    return sum(weight / sum(weights) * logits for weight, (logits, _) in zip(weights, answers)), answers[0][1]


# [if ema]
def follow(average, model, decay):
    """average = decay * average + (1 - decay) * model, of weights and running averages."""
    with torch.no_grad():
        for own, other in zip(average.state_dict().values(), model.state_dict().values()):
            own.copy_(decay * own + (1 - decay) * other if own.is_floating_point() else other)


# [end]
def train_arm(arm, config, data, teachers, device, rank, world):
    recipe = SETTINGS["arms"][arm]
    train, distillation = recipe["train"], recipe["distillation"]
    images, total = data["train"], len(data["train"])
    # Whoever has no use for images without labels goes through the others in rounds, for as many steps.
    plan = Plan(total if distillation and distillation["images"] != "labelled" else int((images.labels >= 0).sum()), total)
    student = built(NETWORKS["student"], "start.safetensors")
    start, guides = hash_of(student), []
    routes = SETTINGS["routes"] if distillation else []
    # [if guided]
    for route in routes:
        if route["guide"]:
            guides.append(Guide(route["guide"], *channels_of(teachers[0], route["teacher"], images, min(1000, plan.count), device)))
    # [end]
    # [if kind token]
    student.set_distilled_training(bool(distillation))  # the labels teach one head, the teacher the other
    # [end]
    own = Network(student, guides).to(device)
    net = own
    if world > 1:
        wrapped = torch.nn.SyncBatchNorm.convert_sync_batchnorm(own) if device.type == "cuda" else own
        net = torch.nn.parallel.DistributedDataParallel(wrapped)
    stages = [[route[whose] for route in routes if whose in route] for whose in ("student", "teacher")]
    optimizer = optimizer_of(own, train)
    # [if ema]
    average = built(NETWORKS["student"], "start.safetensors").to(device)
    # [end]
    size = train["batchSize"]
    batches, grouped = math.ceil(total / size), train["accumulate"]
    # Over all epochs; the last may be cut short.
    all_batches = min(train["epochs"] * batches, train["batches"] or math.inf)
    epochs = math.ceil(all_batches / batches)
    folder = None
    if rank == 0:
        hashes = {"data": images.digest(), "initialWeights": start, "batches": "", "teacher": hash_of(teachers[0].model) if distillation else None}
        accuracy = evaluated(teachers[0].model, data["test"], NETWORKS["teachers"][0], device)[0] if teachers else None
        folder = RunFolder(os.path.join(config["out"], arm), arm, recipe, hashes, sum(p.numel() for p in student.parameters()), accuracy)
    for epoch in range(1, epochs + 1):
        began, right, seen, labelled_seen, summed = time.time(), 0, 0, 0, 0.0
        net.train()
        end = min(batches, all_batches - (epoch - 1) * batches)
        for batch in range(end):
            at = time.time()
            planned = plan.batch(epoch, batch, size)
            count = len(planned[0])
            mine = np.array_split(np.arange(count), world)[rank]
            # A process without images takes part with one that counts nothing.
            share = len(mine) * world / count
            mine = mine if len(mine) else np.arange(1)
            shown = batch_of(images, planned, mine)
            labels = shown.labels[mine].to(device)
            rate = rate_at(train, math.ceil(batches / grouped), epoch - 1, batch // grouped)
            for group in optimizer.param_groups:
                group["lr"] = rate
            logits, grids = net(rendered(shown, NETWORKS["student"], device), stages[0])
            b = SimpleNamespace(logits=logits, labels=labels, student=grids)
            # [if mixed]
            b.mixture = shown.mixture[mine].to(device)
            # [end]
            # [if kind token]
            if distillation:
                b.logits, b.token = logits
            # [end]
            if distillation:
                b.teacher, theirs = answers_of(teachers, shown, stages[1], device)
                # [if grids]
                whose = {route["guide"]: guide for route, guide in zip((r for r in routes if r["guide"]), own.guides)}

                def teacher_grid(route):
                    grid = resized(grid_of(route["teacher"], theirs[route["teacher"]["name"]]), route["side"])
                    return whose[route["guide"]].normalised(grid) if route["guide"] else grid

                b.teacher_grid = teacher_grid
                # [end]
            loss, parts = loss_of(b, shown.weight * len(mine) / count, distillation)
            # The gradients of a group of batches become one step.
            first = batch - batch % grouped
            last = min(first + grouped, end)
            of_group = count / (min(last * size, total) - first * size)
            if batch == first:
                optimizer.zero_grad()
            (loss * share * of_group).backward()
            if batch + 1 == last:
                if train["clipNorm"] is not None:
                    torch.nn.utils.clip_grad_norm_(own.parameters(), train["clipNorm"])
                optimizer.step()
                # [if ema]
                follow(average, student, train["ema"])
                # [end]
            values = [parts[name].detach() if name in parts else loss.new_zeros(()) for name in ["ce", "kd", *MORE_PARTS]]
            correct = (b.logits.argmax(1) == labels).sum() * (world if share else 0)
            figures = torch.stack([*(value * share for value in [loss.detach(), *values]), correct.float()])
            if world > 1:
                dist.all_reduce(figures)
                figures /= world
            loss, *values, correct = figures.tolist()
            right, seen, labelled_seen, summed = right + correct, seen + count, labelled_seen + shown.labelled, summed + loss * count
            if folder:
                folder.batches.writerow([epoch, batch + 1, loss, values[0], values[1], right / max(labelled_seen, 1), rate, count / (time.time() - at), *values[2:]])
        due = epoch == epochs or epoch % train["evaluateEvery"] == 0
        measure = lambda model, split: evaluated(model, split, NETWORKS["student"], device) if due else ("", "")
        test, validation, averaged = measure(student, data["test"]), ("", ""), ("", "")
        # [if validation]
        validation = measure(student, data["validation"])
        # [end]
        # [if ema]
        averaged = measure(average, data["test"])
        # [end]
        if folder:
            folder.epochs.writerow([epoch, summed / seen, right / max(labelled_seen, 1), *test, time.time() - began, *validation, *averaged])
            result = f", test accuracy {100 * test[0]:.1f} %" if due else ""
            print(f"{arm}, epoch {epoch} of {epochs}: loss {summed / seen:.3f}{result}", flush=True)
        if config.get("report"):
            config["report"]({"arm": arm, "epoch": epoch, "loss": summed / seen, **({"test_acc": test[0]} if due else {})})
    if folder:
        folder.save(student)
        # [if ema]
        folder.save(average, "student-ema.safetensors")
        # [end]
        folder.event("finished")


def run(config):
    rank, world = (dist.get_rank(), dist.get_world_size()) if dist.is_initialized() else (0, 1)
    device = torch.device("cuda", torch.cuda.current_device()) if torch.cuda.is_available() and not config["cpu"] else torch.device("cpu")
    data = splits_in(config["data"])
    teachers = [Network(built(network, network["file"])).to(device).eval() for network in NETWORKS["teachers"]]
    for arm in SETTINGS["arms"]:
        train_arm(arm, config, data, teachers, device, rank, world)


def by_ray(config, workers):
    import ray.train
    from ray.train import RunConfig, ScalingConfig
    from ray.train.torch import TorchTrainer

    def loop(config):
        run({**config, "report": ray.train.report})

    gpu = torch.cuda.is_available() and not config["cpu"]
    scaling = ScalingConfig(num_workers=workers, use_gpu=gpu)
    TorchTrainer(loop, train_loop_config=config, scaling_config=scaling, run_config=RunConfig(name="ray", storage_path=config["out"])).fit()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, metavar="FOLDER", help="the images")
    parser.add_argument("--out", required=True, metavar="RUN", help="folder to write to")
    parser.add_argument("--ray", type=int, metavar="WORKERS", help="so many workers of Ray Train")
    parser.add_argument("--cpu", action="store_true", help="leave GPUs alone")
    given = parser.parse_args()
    config = {"data": os.path.abspath(given.data), "out": os.path.abspath(given.out), "cpu": given.cpu}
    taken = [arm for arm in SETTINGS["arms"] if os.path.exists(os.path.join(config["out"], arm))]
    if taken:
        parser.error(f"--out {given.out}: holds a folder {taken[0]} already, and nothing is overwritten; choose another name")
    if given.ray:
        return by_ray(config, given.ray)
    if "RANK" in os.environ:
        gpu = torch.cuda.is_available() and not given.cpu
        dist.init_process_group("nccl" if gpu else "gloo")
        if gpu:
            torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    run(config)
    if dist.is_initialized():
        dist.destroy_process_group()


if __name__ == "__main__":
    main()
