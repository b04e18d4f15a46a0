"""Be busy in bursts of 0.2 to 2 s until the parent is gone."""

import os
import random
import time

if __name__ == "__main__":
    chance, parent = random.Random(3), os.getppid()
    while os.getppid() == parent:
        until = time.monotonic() + chance.uniform(0.2, 2.0)
        while time.monotonic() < until:
            sum(number * number for number in range(2000))
        time.sleep(chance.uniform(0.05, 0.4))
