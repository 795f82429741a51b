class Frame:
    def __init__(self, table):
        self.table = table

    def __deepcopy__(self, memo):
        return Frame(self.table)
