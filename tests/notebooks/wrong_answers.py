"""Plausible wrong answers to exercises, and what the check should say of each."""

WRONG: dict[str, dict[str, str]] = {
    "0.1": {
        "return frames.reshape(frames.shape[-1], *frames.shape[:-1])": "axes must be moved",
        "return frames.transpose(0, 3)": "expected",
        "return frames.permute(3, 0, 1, 2).flip(0)": "axes must be moved",
    },
    "0.2": {
        "best = int(scores.argmax())\nreturn best % k, best % k": "of the last three",
        "return int(scores[:k].argmax()), int(scores[k:].argmax()) + k": "of the last three",
        "a = scores.abs()\nreturn int(a[:k].argmax()), int(a[k:].argmax())": "of the last three",
    },
    "0.3": {
        (
            'NOTICED_BY = {"play it backwards": "dynamic",'
            ' "paint another background behind it": "both",'
            ' "double every number of the projected feature": "neither"}'
        ): "a difference does not see",
        (
            'NOTICED_BY = {"play it backwards": "dynamic",'
            ' "paint another background behind it": "static",'
            ' "double every number of the projected feature": "both"}'
        ): "a cosine",
        'NOTICED_BY = {"play it backwards": "neither"}': "in another order",
    },
    "1.1": {
        "return first[:, None] + difference": "frame 2 is off",
        "return difference.cumsum(dim=1)": "frame 0 is off",
        "return first[:, None] + difference.flip(1).cumsum(dim=1).flip(1)": "is off",
    },
    "1.2": {
        # differences without augmentation; frozen views that share the video's crop; both of clip 1
        (
            "v = [augment(clip) for clip in clips]\n"
            "s = [augment(static_view(clip, frame_index)) for clip in clips]\n"
            "return torch.stack([*v, *s, *(frame_difference(clip) for clip in clips)])"
        ): "not the difference of v1",
        (
            "v = [augment(clip) for clip in clips]\n"
            "s = [static_view(view, frame_index) for view in v]\n"
            "return torch.stack([*v, *s, *(frame_difference(view) for view in v)])"
        ): "must not share",
        (
            "v = [augment(clip) for clip in clips]\n"
            "s = [augment(static_view(clips[0], frame_index)) for clip in clips]\n"
            "return torch.stack([*v, *s, *(frame_difference(view) for view in v)])"
        ): "another frame or clip",
    },
    "1.3": {
        "return 0": "pan of -2",
        (
            "change = {}\n"
            "for pan in range(-3, 4):\n"
            "    moved = [clip[:, t].roll(-pan * t, dims=-1) for t in range(clip.shape[1])]\n"
            "    change[pan] = float(torch.stack(moved, dim=1).diff(dim=1).abs().mean())\n"
            "return min(change, key=change.get)"
        ): "came out as 2",
        (
            "change = {}\n"
            "for pan in range(-3, 4):\n"
            "    moved = [clip[:, t].roll(pan, dims=-1) for t in range(clip.shape[1])]\n"
            "    change[pan] = float(torch.stack(moved, dim=1).diff(dim=1).abs().mean())\n"
            "return min(change, key=change.get)"
        ): "came out as",
    },
    "2.1": {
        (
            "right = (query @ key.T).argmax(dim=-1) == torch.arange(len(query))\n"
            "return 100 * float(right.float().mean())"
        ): "by its length",
        (
            "cosines = F.normalize(query, dim=-1) @ F.normalize(key, dim=-1).T\n"
            "right = cosines.argmax(dim=0) == torch.arange(len(query))\n"
            "return 100 * float(right.float().mean())"
        ): "one is right",
        (
            "cosines = F.normalize(query, dim=-1) @ F.normalize(key, dim=-1).T\n"
            "return 100 * float(cosines.diag().mean())"
        ): "50 %",
    },
    "2.2": {
        (
            "x, y = F.normalize(query, dim=-1), F.normalize(key, dim=-1)\n"
            "return F.cross_entropy(x @ y.T / temperature, torch.arange(len(query)))"
        ): "must be a constant",
        (
            "x, y = F.normalize(query, dim=0), F.normalize(key.detach(), dim=0)\n"
            "return F.cross_entropy(x @ y.T / temperature, torch.arange(len(query)))"
        ): "length 1",
        (
            "x, y = F.normalize(query.detach(), dim=-1), F.normalize(key, dim=-1)\n"
            "return F.cross_entropy(x @ y.T / temperature, torch.arange(len(query)))"
        ): "must learn",
    },
    "2.3": {
        (
            "logits = F.normalize(queries, dim=-1) @ F.normalize(all_keys, dim=-1).T / 0.07\n"
            "return F.cross_entropy(logits, torch.arange(len(queries)))"
        ): "the whole batch",
        (
            "logits = queries @ all_keys.T / 0.07\n"
            "return F.cross_entropy(logits, first + torch.arange(len(queries)))"
        ): "the whole batch",
        "return info_nce(queries, all_keys[first : first + len(queries)]) * 2": "the whole batch",
    },
    "3.1": {
        (
            'DIAGNOSIS = {(1.2, 1.1): "one takes all", (15.7, 15.6): "healthy",'
            ' (14.8, 2.3): "healthy", (3.0, 9.0): "impossible"}'
        ): "spread over all sixteen",
        (
            'DIAGNOSIS = {(1.2, 1.1): "one takes all", (15.7, 15.6): "flat",'
            ' (14.8, 2.3): "healthy", (3.0, 9.0): "flat"}'
        ): "at least as spread",
    },
    "3.2": {
        (
            "log_a, log_b = ((x / temperature).log_softmax(dim=1) for x in (a, b))\n"
            "cost = -(sinkhorn(a) * log_a).sum(dim=1) - (sinkhorn(b) * log_b).sum(dim=1)\n"
            "return cost.mean() / 2"
        ): "not its own",
        (
            "log_a, log_b = ((x / temperature).log_softmax(dim=0) for x in (a, b))\n"
            "cost = -(sinkhorn(a) * log_b).sum(dim=1) - (sinkhorn(b) * log_a).sum(dim=1)\n"
            "return cost.mean() / 2"
        ): "softmax over concepts",
        (
            "log_a, log_b = ((x / temperature).log_softmax(dim=1) for x in (a, b))\n"
            "cost = -(sinkhorn(a) * log_b).sum(dim=1) - (sinkhorn(b) * log_a).sum(dim=1)\n"
            "return cost.mean()"
        ): "a mean",
    },
    "3.3": {
        "return sinkhorn(scores + epsilon * shares.log(), epsilon, iterations)": "wanted",
        "return sinkhorn(scores, epsilon, iterations) * shares * len(shares)": "rows must sum",
        (
            "q = (scores / epsilon).exp()\n"
            "for _ in range(iterations):\n"
            "    q = q / q.sum(dim=0, keepdim=True) * shares\n"
            "    q = q / q.sum(dim=1, keepdim=True) / len(scores)\n"
            "return q * len(scores)"
        ): "stay on logarithms",
    },
    "4.1": {
        (
            "SHOWN_BY = {\n"
            '    "a lamp flickers, and differences single out a static concept":\n'
            '        "diversity_static",\n'
            '    "stills guess a motion from the blur of a moving shape": "diversity_static",\n'
            '    "all stills get the same scores, whatever they show": "fidelity_static",\n'
            "}"
        ): "of s1 and s2",
        (
            "SHOWN_BY = {\n"
            '    "a lamp flickers, and differences single out a static concept":\n'
            '        "diversity_static",\n'
            '    "stills guess a motion from the blur of a moving shape": "diversity_dynamic",\n'
            '    "all stills get the same scores, whatever they show": "diversity_static",\n'
            "}"
        ): "rebuild a feature",
    },
    "4.2": {
        "return scores @ (torch.linalg.pinv(scores) @ features)": "an offset",
        "return features.mean(dim=0).expand_as(features)": "keep five dimensions",
        "return torch.linalg.pinv(scores) @ features": "expected",
    },
    "4.3": {
        "return decorrelation(a, b)": "depends on a",
        "return decorrelation(a.abs(), b)": "linear dependence|depends on a",
        "return 10 * (a - b).square().mean()": "next to nothing",
    },
    "5.1": {
        "won = logits.softmax(dim=0)\nreturn won": "weights sum to 1",
        "won = logits.softmax(dim=1)\nreturn won": "should look elsewhere",
        "return (logits / logits.sum(dim=1, keepdim=True)).clamp(min=0)": "should look elsewhere",
    },
    "5.2": {
        "return select_concepts(a, b, top_k, inclusive=True)": "twenty equal scores",
        "return select_concepts(a, b, top_k + 1)": "twenty equal scores|keeps exactly",
    },
    "5.3": {
        "return info_nce(a.flatten(0, 1), b.flatten(0, 1), temperature)": "expected",
        (
            "return torch.stack([info_nce(x, y, temperature)"
            " for x, y in zip(a.unbind(1), b.unbind(1))]).mean()"
        ): "one direction",
    },
    "6.1": {
        (
            'video = pair(P["video"](v[0]), P["video"](v[1])) / 2\n'
            'static = pair(P["video_static"](v[0]), P["static"](s[1]))\n'
            'static = static + pair(P["video_static"](v[1]), P["static"](s[0]))\n'
            'dynamic = pair(P["video_dynamic"](v[0]), P["dynamic"](d[1]))\n'
            'dynamic = dynamic + pair(P["video_dynamic"](v[0]), P["dynamic"](d[0]))\n'
            "return video + static / 2 + dynamic / 2"
        ): "same pixels",
        (
            'video = pair(P["video"](v[0]), P["video"](v[1]))\n'
            'static = pair(P["video_static"](v[0]), P["static"](s[1]))\n'
            'static = static + pair(P["video_static"](v[1]), P["static"](s[0]))\n'
            'dynamic = pair(P["video_dynamic"](v[0]), P["dynamic"](d[1]))\n'
            'dynamic = dynamic + pair(P["video_dynamic"](v[1]), P["dynamic"](d[0]))\n'
            "return video + static + dynamic"
        ): "halved",
        (
            'video = pair(P["video"](v[0]), P["video"](v[1])) / 2\n'
            'static = pair(P["video"](v[0]), P["static"](s[1]))\n'
            'static = static + pair(P["video"](v[1]), P["static"](s[0]))\n'
            'dynamic = pair(P["video_dynamic"](v[0]), P["dynamic"](d[1]))\n'
            'dynamic = dynamic + pair(P["video_dynamic"](v[1]), P["dynamic"](d[0]))\n'
            "return video + static / 2 + dynamic / 2"
        ): "not in the method",
    },
    "6.2": {
        (
            'changed = {"contrast_dynamic", "align_dynamic", "diversity_dynamic",'
            ' "fidelity_dynamic", "local_dynamic"}'
        ): "diversity_dynamic does not change",
        'changed = {"contrast_dynamic", "align_dynamic"}': "3 more terms",
        "changed = set(LossTerms._fields)": "does not change",
    },
    "6.3": {
        # the distribution of each sample instead of the mean; the wrong threshold; no temperature
        (
            "p = (scores / 0.1).softmax(dim=-1)\n"
            "entropy = -(p * p.clamp(min=1e-12).log()).sum(dim=-1).mean()\n"
            "return bool(entropy.exp() < scores.shape[-1] / 10)"
        ): "healthy",
        (
            "mean = (scores / 0.1).softmax(dim=-1).mean(dim=0)\n"
            "entropy = -(mean * mean.clamp(min=1e-12).log()).sum()\n"
            "return bool(entropy.exp() < 2)"
        ): "3 of 40",
        (
            "mean = scores.softmax(dim=-1).mean(dim=0)\n"
            "entropy = -(mean * mean.log()).sum()\n"
            "return bool(entropy.exp() < scores.shape[-1] / 10)"
        ): "a collapse",
        "return len(scores.argmax(dim=-1).unique()) < scores.shape[-1] / 10": "collapse|flat",
    },
    "7.1": {
        "return 100.0": "not 100.0",
        (
            "decided = logits.mean(dim=1).argmax(dim=-1)\n"
            "return 100 * float((decided == labels).float().mean())"
        ): "outvote",
        (
            "p = logits.softmax(dim=-1)\n"
            "sure = p.amax(dim=-1).argmax(dim=1)\n"
            "decided = p[torch.arange(len(p)), sure].argmax(dim=-1)\n"
            "return 100 * float((decided == labels).float().mean())"
        ): "outvote",
        (
            "decided = logits.argmax(dim=-1).mode(dim=1).values\n"
            "return 100 * float((decided == labels).float().mean())"
        ): "sure one",
    },
    "7.2": {
        (
            "mean, deviation = test_rows.mean(axis=0), test_rows.std(axis=0) + 1e-9\n"
            "a = (train_rows - train_rows.mean(axis=0)) / train_rows.std(axis=0)\n"
            "return a, (test_rows - mean) / deviation"
        ): "changes with the other",
        "return train_rows, test_rows": "mean 0",
        (
            "mean, deviation = train_rows.mean(axis=0), train_rows.std(axis=0)\n"
            "return (train_rows - mean) / deviation, test_rows - mean"
        ): "same shift and scale",
    },
    "7.3": {
        (
            'return max((("static", "motion"), ("dynamic", "scene")),'
            " key=lambda cell: table[cell[0]][cell[1]])"
        ): "17",
        (
            "cells = [(h, f) for h in table for f in chance]\n"
            "return max(cells, key=lambda cell: table[cell[0]][cell[1]] - chance[cell[1]])"
        ): "it is",
    },
    "8.1": {
        (
            "rows = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)\n"
            "return np.argsort(-(rows @ rows[query]), kind='stable')[1 : top + 1].tolist()[::-1]"
        ): "nearest to row",
        (
            "similar = vectors @ vectors[query]\n"
            "similar[query] = -np.inf\n"
            "return np.argsort(-similar, kind='stable')[:top].tolist()"
        ): "nearest to row",
    },
    "8.2": {
        # `share` ignored; only one recording aside; too much aside
        (
            "names = sorted(set(groups))[: 2]\n"
            "test = [i for i, g in enumerate(groups) if g in names]\n"
            "return [i for i in range(len(groups)) if i not in test], test"
        ): "share",
        (
            "test = [i for i, g in enumerate(groups) if g == groups[0]]\n"
            "return [i for i in range(len(groups)) if i not in test], test"
        ): "share",
        "half = len(groups) // 2\nreturn list(range(half)), list(range(half, len(groups)))": "both",
    },
    "8.3": {
        "return int((static @ static[a] + dynamic @ dynamic[b]).argmax())": "one of the two",
        (
            "score = static @ static[b] + dynamic @ dynamic[a]\n"
            "score[[a, b]] = -np.inf\nreturn int(score.argmax())"
        ): "for looks of",
    },
}
"""By exercise: the body of the function (or a whole assignment), and a pattern of the message."""
