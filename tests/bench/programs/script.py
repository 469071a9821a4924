# SPDX-License-Identifier: MIT
#
# JSON there and back with objects of the program's own in between, which is mostly small
# objects that come and go. Prints a digest.

import hashlib
import json
import random


class Node:
    def __init__(self, name, depth):
        self.name = name
        self.numbers = [random.randrange(10 ** 9) for _ in range(4)]
        self.children = [Node(name + str(i), depth - 1) for i in range(3)] if depth else []

    def as_plain(self):
        return {"name": self.name, "numbers": self.numbers, "half": self.numbers[0] / 2,
                "children": [child.as_plain() for child in self.children]}


def count(plain):
    return len(plain["name"]) + sum(map(count, plain["children"]))


random.seed(1)
digest = hashlib.sha256()
tree = Node("root", 7)
for _ in range(44):
    text = json.dumps(tree.as_plain())
    digest.update(text.encode())
    again = json.loads(text)
    digest.update(str(count(again)).encode())
    random.shuffle(tree.children)
print(digest.hexdigest())
