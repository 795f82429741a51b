class Box:
    def __init__(self, items):
        self.items = list(items)

    def __eq__(self, other):
        return self.items == other.items
