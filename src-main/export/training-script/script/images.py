# ---- Images --------------------------------------------------------------------------------------------------------------------------


# [if cifar]
def cifar(folder, names):
    """u8 [N,3,32,32] and labels [N]."""
    cifar = SETTINGS["cifar"]
    inside = os.path.join(folder, cifar["folder"])
    folder = inside if os.path.isdir(inside) else folder
    paths = [path for path in (os.path.join(folder, name) for name in names) if os.path.exists(path)]
    if not paths:
        sys.exit(f"{folder} holds no {names[0]}: --data names a folder with {cifar['name']}'s binary version")
    # A record begins with its labels.
    rows = np.concatenate([np.fromfile(path, np.uint8).reshape(-1, cifar["labelBytes"] + 3072) for path in paths])
    return torch.from_numpy(rows[:, cifar["labelBytes"] :].reshape(-1, 3, 32, 32).copy()), torch.from_numpy(rows[:, cifar["label"]].astype(np.int64))


class Split:
    """Images and their labels."""

    def __init__(self, images, labels):
        self.images, self.labels = images, labels

    def __len__(self):
        return len(self.labels)

    def take(self, samples):
        """u8 [N,3,H,W]"""
        return self.images[samples]

    def digest(self):
        return sha256(self.images.numpy().tobytes(), self.labels.numpy().tobytes())


def splits_in(folder):
    """By name: train and test."""
    found = {}
    for name in ("train", "test"):
        images, labels = cifar(folder, SETTINGS["cifar"][name])
        limit = RECIPE["data"][f"{name}Limit"]
        found[name] = Split(images[:limit], labels[:limit])
    # [if listed]
    # images.json has the places of the images in the files, with a label, or -1 for those that are learned from without one.
    with open(os.path.join(HERE, "images.json")) as file:
        listed = json.load(file)
    images, _ = cifar(folder, SETTINGS["cifar"]["train"])
    for name in ("train", "validation"):
        if listed[name]:
            places, labels = (torch.tensor(each) for each in zip(*listed[name]))
            found[name] = Split(images[places], labels)
    # [end]
    return found


# [end]
# [if folder]
def square(path, side):
    """u8 [3,side,side]: turned by its EXIF orientation, transparency on white, the shorter side resized to `side`, then the middle."""
    image = Image.open(path)
    if image.format == "JPEG" and min(image.size) >= 7.5 * side:
        image.draft("RGB", (3 * side, 3 * side))  # decodes fewer pixels
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I"):  # grey of 16 bits, of which Pillow would cut off all above 255
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        pixels = np.asarray(image.convert("RGBA")).astype(np.int32)
        colours, alpha = pixels[:, :, :3], pixels[:, :, 3:]
        image = Image.fromarray(((colours * alpha + 255 * (255 - alpha)) // 255).astype(np.uint8))
    image = image.convert("RGB")
    if image.size != (side, side):
        width, height = image.size
        shorter = min(width, height)
        image = image.resize((side * width // shorter, side * height // shorter), Image.BILINEAR)
        left, top = round((image.width - side) / 2), round((image.height - side) / 2)
        image = image.crop((left, top, left + side, top + side))
    return torch.from_numpy(np.array(image)).permute(2, 0, 1)


class Split:
    """Files of images and their labels; -1 stands for none. Images are decoded when they are first needed, and kept while there are few enough."""

    KEPT_BYTES = 2e9

    def __init__(self, folder, listed):
        self.paths = [os.path.join(folder, *name.split("/")) for name, _ in listed]
        missing = [path for path in self.paths if not os.path.exists(path)]
        if missing:
            sys.exit(f"{missing[0]} is missing, one of {len(missing)}: --data names the folder of images that the run learned from, or a copy of it")
        self.names = [name for name, _ in listed]
        self.labels = torch.tensor([label for _, label in listed])
        self.kept = {}

    def __len__(self):
        return len(self.labels)

    def take(self, samples):
        """u8 [N,3,S,S]"""
        side = SETTINGS["side"]
        wanted = [int(n) for n in samples if int(n) not in self.kept]
        with ThreadPoolExecutor() as pool:
            new = dict(zip(wanted, pool.map(lambda n: square(self.paths[n], side), wanted)))
        images = torch.stack([self.kept[int(n)] if int(n) in self.kept else new[int(n)] for n in samples])
        if len(self) * 3 * side**2 <= self.KEPT_BYTES:
            self.kept.update(new)
        return images

    def digest(self):
        return sha256("\n".join(self.names).encode(), self.labels.numpy().tobytes())


def splits_in(folder):
    """By name: train, test and, if there is one, validation."""
    with open(os.path.join(HERE, "images.json"), encoding="utf-8") as file:
        return {name: Split(folder, listed) for name, listed in json.load(file).items() if listed}


# [end]
def viewed(images, views):
    """u8: each image in its view, black beyond the border; a list where views have sizes of their own."""
    crop, side = RECIPE["augment"]["crop"], SETTINGS["side"]
    padded = F.pad(images, (crop,) * 4)

    def view(image, top, left, flip, height=side, width=side, *erased):
        cut = image[:, crop + top : crop + top + height, crop + left : crop + left + width]
        cut = cut.flip(2) if flip else cut
        # [if erase]
        top, left, height, width = erased
        cut[:, top : top + height, left : left + width] = 0
        # [end]
        return cut

    seen = [view(image, *of) for image, of in zip(padded, views.tolist())]
    # [if resizedCrop]
    return seen
    # [end]
    # [if one size]
    return torch.stack(seen)
    # [end]


def at_size(images, side):
    """[N,3,side,side]: bilinear, antialiased when shrinking; otherwise that would change nothing but the time it takes."""
    if images.shape[2:] == (side, side):
        return images
    return F.interpolate(images, size=(side, side), mode="bilinear", align_corners=False, antialias=max(images.shape[2:]) > side)


def normalised(images, network, device):
    """At the network's size."""
    # [if resizedCrop]
    images = torch.cat([at_size(image[None].to(device).float(), network["side"]) for image in images])
    # [end]
    # [if one size]
    images = at_size(images.to(device).float(), network["side"])
    # [end]
    mean, std = (torch.tensor(network[name], device=device)[:, None, None] for name in ("mean", "std"))
    return (images / 255 - mean) / std


# [if mixed]
def kept_of(shares, boxes, Z):
    """[N,1,Z,Z]: how much of each pixel is the image's own. With a box it is all or nothing: the pixels whose centres lie in it are the partner's."""
    centres, side = (2 * np.arange(Z) + 1) * SETTINGS["side"], 2 * Z
    within = lambda begin, extent: (side * begin[:, None] <= centres) & (centres < side * (begin + extent)[:, None])
    top, left, height, width = boxes.T
    covered = within(top, height)[:, :, None] & within(left, width)[:, None, :]
    kept = np.where((height * width > 0)[:, None, None], 1.0 - covered, shares[:, None, None])
    return torch.from_numpy(kept.astype(np.float32))[:, None]


def mixture_of(own, other, shares):
    """Of each mixture the label, that of the larger share, and how much it is of each class [N,K]. What has no label adds nothing; where that is the larger share,
    the row is 0."""
    shares = torch.from_numpy(shares)
    labels = torch.where(shares >= 0.5, own, other)
    classes = lambda of: F.one_hot(of.clamp(min=0), len(CLASSES)) * (of >= 0)[:, None]
    return labels, (shares[:, None] * classes(own) + (1 - shares)[:, None] * classes(other)) * (labels >= 0)[:, None]


# [end]
def batch_of(images, planned, mine):
    """Of a planned batch: what this process shows, the labels [N] of all, how many have one, and the sum of what they weigh in the loss."""
    samples, views, *mixing = planned
    shown = SimpleNamespace(images=viewed(images.take(samples[mine]), views[mine]), labels=images.labels[samples])
    # [if mixed]
    partners, their_views, shares, boxes = mixing
    shown.partners, shown.shares, shown.boxes = viewed(images.take(partners[mine]), their_views[mine]), shares[mine], boxes[mine]
    shown.labels, shown.mixture = mixture_of(shown.labels, images.labels[partners], shares)
    # [end]
    shown.weight = shown.labelled = int((shown.labels >= 0).sum())
    # [if mixed]
    shown.weight = shown.mixture.sum().item()
    # [end]
    return shown


def rendered(shown, network, device):
    """A batch as a network sees it."""
    images = normalised(shown.images, network, device)
    # [if mixed]
    kept = kept_of(shown.shares, shown.boxes, network["side"]).to(device)
    images = kept * images + (1 - kept) * normalised(shown.partners, network, device)
    # [end]
    return images
