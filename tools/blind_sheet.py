"""Blind comparison of two or more methods by eye.

    python tools/blind_sheet.py make --pictures DIR --pairs tools/judge_pairs.json --size 512 --seed 1 \
        --method gram=RESULTS --method strokes=RESULTS --out SHEETS
    python tools/blind_sheet.py score --out SHEETS

`make` writes one PNG a question: above the content and the style, below the results named A and B, in an order that the
seed shuffles, and the questions in an order of their own. With more than two methods every two of them meet. Beside
them it writes answers.csv to be filled in (A, B, or = for no preference; a word on why in the last column) and, in a
folder of its own that is to be left closed, key/key.json. Results are RESULTS/CONTENT--STYLE.png, as in
judge_pictures.py. `score` joins the two: wins, ties and losses for every two methods, the share preferred with half of
the ties, and its 95 % interval (Wilson).

    python tools/blind_sheet.py gallery --program target/release/impasto --method 'gram=' \
        --method 'strokes=--method strokes' --contents *.jpg --styles *.jpg --size 512 --out gallery.html

`gallery` paints every content in every style with every method, OPTION... being the program's, and writes one HTML file
that holds the pictures, for people who have no program at hand; --blind hides the methods' names and shuffles the
columns by the seed, with the key in a file beside it.
"""

import argparse
import base64
import csv
import html
import itertools
import json
import math
import random
import subprocess
from pathlib import Path

from PIL import Image, ImageDraw

GAP, LABEL, SMALL = 12, 18, 240


def resized(path, longest):
    picture = Image.open(path).convert("RGB")
    factor = longest / max(picture.size)
    return picture.resize([max(1, round(side * factor)) for side in picture.size], Image.Resampling.LANCZOS)


def question(number, content, style, results):
    """One sheet: content and style small above, the results at their own size below."""
    small = [resized(path, SMALL) for path in (content, style)]
    large = [Image.open(path).convert("RGB") for path in results]
    upper = max(picture.height for picture in small)
    width = max(sum(p.width + GAP for p in large), sum(p.width + GAP for p in small)) + GAP
    sheet = Image.new("RGB", (width, upper + max(p.height for p in large) + 3 * GAP + 2 * LABEL), "white")
    draw = ImageDraw.Draw(sheet)
    for pictures, names, y in ((small, (f"{number}: content", "style"), GAP), (large, "ABCDEFGH", upper + 2 * GAP + LABEL)):
        x = GAP
        for picture, name in zip(pictures, names):
            draw.text((x, y - 2), name, fill="black")
            sheet.paste(picture, (x, y + LABEL - GAP // 2))
            x += picture.width + GAP
    return sheet


def make(arguments):
    methods = dict(entry.split("=", 1) for entry in arguments.method)
    pairs = json.loads(arguments.pairs.read_text())[str(arguments.size)]
    shuffle = random.Random(arguments.seed)
    questions = []
    for content, style in pairs:
        for two in itertools.combinations(methods, 2):
            two = list(two)
            shuffle.shuffle(two)
            files = [Path(methods[name]) / f"{Path(content).stem}--{Path(style).stem}.png" for name in two]
            missing = [str(file) for file in files if not file.exists()]
            if missing:
                raise SystemExit(f"no result {missing[0]}: paint it first, or leave the pair out of {arguments.pairs}")
            questions.append({"content": content, "style": style, "order": two, "files": [str(f) for f in files]})
    shuffle.shuffle(questions)
    (arguments.out / "key").mkdir(parents=True, exist_ok=True)
    with open(arguments.out / "answers.csv", "x", newline="") as file:
        table = csv.writer(file)
        table.writerow(["question", "preferred (A, B or =)", "why"])
        for number, entry in enumerate(questions, 1):
            sheet = question(number, arguments.pictures / entry["content"], arguments.pictures / entry["style"], entry["files"])
            sheet.save(arguments.out / f"question-{number:02d}.png")
            table.writerow([number, "", ""])
    (arguments.out / "key" / "key.json").write_text(json.dumps(questions, indent=1))
    print(f"{len(questions)} questions in {arguments.out}; fill in answers.csv before you open key/")


def interval(share, count):
    """Wilson's 95 % interval of a share."""
    z = 1.96
    centre = (share + z * z / (2 * count)) / (1 + z * z / count)
    reach = z / (1 + z * z / count) * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    return centre - reach, centre + reach


def score(arguments):
    questions = json.loads((arguments.out / "key" / "key.json").read_text())
    with open(arguments.out / "answers.csv", newline="") as file:
        rows = list(csv.reader(file))[1:]
    tally = {}
    for number, answer, *why in rows:
        entry = questions[int(number) - 1]
        answer = answer.strip().upper()
        if answer not in ("A", "B", "="):
            raise SystemExit(f"answers.csv, question {number}: expected A, B or =, got '{answer}'; fill it in")
        first, second = sorted(entry["order"])
        counts = tally.setdefault((first, second), {"first": 0, "tie": 0, "second": 0})
        chosen = "tie" if answer == "=" else "first" if entry["order"]["AB".index(answer)] == first else "second"
        counts[chosen] += 1
        names = f"{Path(entry['content']).stem} x {Path(entry['style']).stem}"
        print(f"{names:36s} {dict(first=first, second=second, tie='=')[chosen]:12s} {' '.join(why)}")
    for (first, second), counts in tally.items():
        total = sum(counts.values())
        share = (counts["first"] + counts["tie"] / 2) / total
        low, high = interval(share, total)
        print(f"{first} against {second}: {counts['first']} won, {counts['tie']} equal, {counts['second']} lost of {total}; "
              f"{first} preferred in {share:.0%} (95 %: {low:.0%} to {high:.0%}), {second} in {1 - share:.0%}")


def gallery(arguments):
    methods = {name: options.split() for name, options in (entry.split("=", 1) for entry in arguments.method)}
    folder = arguments.out.with_suffix("")
    folder.mkdir(parents=True, exist_ok=True)
    shuffle, key = random.Random(arguments.seed), []

    def image(path):
        return f'<img src="data:image/png;base64,{base64.b64encode(path.read_bytes()).decode()}">'

    rows = []
    for content, style in itertools.product(arguments.contents, arguments.styles):
        names = list(methods)
        if arguments.blind:
            shuffle.shuffle(names)
        key.append({"content": content.name, "style": style.name, "order": names})
        cells = []
        for path in (content, style):
            small = folder / f"small-{path.stem}.png"
            resized(path, SMALL).save(small)
            cells.append(f"<td>{image(small)}<br>{html.escape(path.stem)}</td>")
        for letter, name in zip("ABCDEFGH", names):
            target = folder / f"{name}--{content.stem}--{style.stem}.png"
            if not target.exists():
                command = [arguments.program, "transfer", content, style, "-o", target, "--size", arguments.size, "--quiet"]
                subprocess.run([str(part) for part in [*command, *methods[name]]], check=True)
            cells.append(f"<td>{image(target)}<br>{letter if arguments.blind else html.escape(name)}</td>")
        rows.append(f"<tr>{''.join(cells)}</tr>")
    head = '<!doctype html><meta charset="utf-8"><style>td {vertical-align: top; padding: 6px; font: 14px sans-serif}</style>'
    arguments.out.write_text(f"{head}<table>{''.join(rows)}</table>")
    if arguments.blind:
        (folder / "key.json").write_text(json.dumps(key, indent=1))
    print(f"{len(rows)} rows in {arguments.out}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)

    def command(name, work):
        found = commands.add_parser(name)
        found.set_defaults(work=work)
        found.add_argument("--out", type=Path, required=True)
        if name != "score":
            found.add_argument("--method", action="append", required=True)
            found.add_argument("--size", type=int, default=512)
            found.add_argument("--seed", type=int, default=0)
        return found.add_argument

    add = command("make", make)
    add("--pictures", type=Path, default=Path("."))
    add("--pairs", type=Path, required=True)
    command("score", score)
    add = command("gallery", gallery)
    add("--program", required=True)
    add("--contents", type=Path, nargs="+", required=True)
    add("--styles", type=Path, nargs="+", required=True)
    add("--blind", action="store_true")
    arguments = parser.parse_args()
    arguments.work(arguments)


if __name__ == "__main__":
    main()
