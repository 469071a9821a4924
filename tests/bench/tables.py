# SPDX-License-Identifier: MIT
#
# From runs to tables: medians of the ratios of each round, as text or as Markdown.

from statistics import median


def ratios(row, column, clock, base="bare"):
    """One a round: this column's time by that of `base` in the same round."""
    return [runs[column][clock] / runs[base][clock] for runs in row["rounds"]
            if column in runs and base in runs]


def middle(row, column, what):
    values = [runs[column][what] for runs in row["rounds"] if column in runs]
    return median(values) if values else None


def added(row, column, what):
    """The median of what a column costs more than the bare run of its round."""
    values = [runs[column][what] - runs["bare"][what] for runs in row["rounds"]
              if column in runs and "bare" in runs]
    return median(values) if values else None


def cell(value, form="%.2f"):
    return "n/a" if value is None else form % value


def ratio_cell(values, spread):
    if not values:
        return "n/a"
    if spread and len(values) > 1:
        return "%.2f (%.2f–%.2f)" % (median(values), min(values), max(values))
    return "%.2f" % median(values)


def others(results):
    return [column for column in results["columns"] if column != "bare"]


def advantage(row, ours):
    """How many times what we add heaptrack adds; less than 1 % of us is not measurable."""
    mine, theirs = ratios(row, ours, row["clock"]), ratios(row, "heaptrack", row["clock"])
    if not mine or not theirs:
        return "n/a"
    if median(mine) < 1.01:
        return "–"
    return "%.1f" % median((b - 1) / max(a - 1, 0.001) for a, b in zip(mine, theirs))


def n_rounds(results):
    return "%d round%s" % (results["n_rounds"], "" if results["n_rounds"] == 1 else "s")


def disturbance(results):
    """What part of their time the bare programs of one thread had no CPU: whatever else the
    machine did then is in the numbers, too. "" when that is next to nothing."""
    runs = [one["bare"] for row in results["rows"] if row["single"] for one in row["rounds"]
            if "bare" in one]
    wall = sum(run["wall"] for run in runs)
    waited = 1 - sum(run["cpu"] for run in runs) / wall if wall else 0
    if waited < 0.05:
        return ""
    return ("The machine was busy with other work: bare programs waited for a CPU %.0f %% of "
            "their time. These numbers are noise; measure again." % (waited * 100)
            if waited > 0.2 else
            "The machine did other work, too: bare programs waited for a CPU %.0f %% of their "
            "time." % (waited * 100))


def time_table(results, spread):
    columns = others(results)
    ours = next((name for name in columns if name.startswith("exact")), None)
    compared = ours and "heaptrack" in columns
    head = ["program", "of", "bare, s"] + columns
    rows = []
    for row in results["rows"]:
        line = [row["title"], row["clock"], cell(middle(row, "bare", row["clock"]))]
        line += [ratio_cell(ratios(row, column, row["clock"]), spread) for column in columns]
        rows.append(line + ([advantage(row, ours)] if compared else []))
    return head + (["heaptrack adds, × exact"] if compared else []), rows


def cpu_table(results, spread):
    columns = others(results)
    rows = [[row["title"], cell(middle(row, "bare", "cpu"))]
            + [ratio_cell(ratios(row, column, "cpu"), spread) for column in columns]
            for row in results["rows"]]
    return ["program", "bare, s"] + columns, rows


def best(row, column, what):
    return min((runs[column][what] for runs in row["rounds"] if column in runs), default=None)


def best_table(results):
    """The best run of a column by the best bare one: on a busy machine the least disturbed."""
    columns = others(results)
    rows = []
    for row in results["rows"]:
        bare = best(row, "bare", "cpu")
        bests = [best(row, column, "cpu") for column in columns]
        rows.append([row["title"], cell(bare)] + [
            cell(one / bare if one and bare else None) for one in bests])
    return ["program", "bare, s"] + columns, rows


def pair_table(results):
    columns = others(results)
    rows = []
    for row in results["rows"]:
        few = row["pairs"] < 100000 # then it is not the pairs that cost
        line = [row["title"], "%.2f" % (row["pairs"] / 1e6)]
        for column in columns:
            more = added(row, column, "cpu")
            line.append("n/a" if more is None else "–" if few
                        else "%+.0f" % (more * 1e9 / row["pairs"]))
        rows.append(line)
    return ["program", "pairs, M"] + columns, rows


def memory_table(results):
    columns = results["columns"]
    rows = [[row["title"]] + [
        cell(None if peak is None else peak / 1024, "%.0f")
        for peak in (middle(row, column, "peak") for column in columns)]
        for row in results["rows"]]
    return ["program"] + columns, rows


def block_lines(results):
    for row in results["rows"]:
        if row["blocks"] and row["rounds"]:
            parts = [(column, added(row, column, "peak")) for column in others(results)]
            yield "Bytes a live block (%s): %s." % (row["title"], ", ".join(
                "%s %.1f" % (column, more * 1024 / row["blocks"])
                for column, more in parts if more is not None))


def build_lines(results):
    """Two builds of the shim side by side: the later ones by the first."""
    for mode, names in results["builds"].items():
        for name in names[1:]:
            for row in results["rows"]:
                values = ratios(row, name, row["clock"], names[0])
                cpu = ratios(row, name, "cpu", names[0])
                if values:
                    yield "%s: %s / %s: %s %s, cpu %s, cpu of the best rounds %.2f" % (
                        row["name"], name, names[0], row["clock"], ratio_cell(values, True),
                        ratio_cell(cpu, True),
                        best(row, name, "cpu") / best(row, names[0], "cpu"))


def aligned(head, rows):
    widths = [max(len(line[i]) for line in [head] + rows) for i in range(len(head))]
    for line in [head] + rows:
        yield "  ".join([line[0].ljust(widths[0])] + [
            text.rjust(width) for text, width in zip(line[1:], widths[1:])]).rstrip()


def markdown_table(head, rows):
    yield "| " + " | ".join(head) + " |"
    yield "|---|" + "---:|" * (len(head) - 1)
    for row in rows:
        yield "| " + " | ".join(row) + " |"


def text(results):
    sections = [
        ("Time, × bare: median of %s" % n_rounds(results),
         time_table(results, True)),
        ("CPU time (user and kernel, all threads), × bare", cpu_table(results, True)),
        ("CPU time, best round of each by the best bare one", best_table(results)),
        ("Added CPU time, ns a pair of malloc and free", pair_table(results)),
        ("Peak resident memory, MiB", memory_table(results)),
    ]
    for title, (head, rows) in sections:
        yield ""
        yield title
        yield from aligned(head, rows)
    yield ""
    yield from block_lines(results)
    yield from build_lines(results)
    yield from results["notes"]
    yield disturbance(results)


def markdown(results):
    """Exactly what stands in the README between the marks."""
    yield ("%s: %s on %s; %s. %s" % (
        results["date"], n_rounds(results), results["machine"], results["heaptrack"],
        disturbance(results))).rstrip()
    yield ""
    yield "Time, × bare (*wall*: from start to end; *cpu*: user and kernel seconds):"
    yield ""
    yield from markdown_table(*time_table(results, False))
    yield ""
    yield "CPU time added to each pair of `malloc` and `free`, ns:"
    yield ""
    yield from markdown_table(*pair_table(results))
    yield ""
    yield "Peak resident memory, MiB:"
    yield ""
    yield from markdown_table(*memory_table(results))
    yield ""
    yield from block_lines(results)
