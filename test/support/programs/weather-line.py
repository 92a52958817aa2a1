"""A line between two addresses of this machine that is as long, narrow and lossy as it is told.

What is sent to its far address comes back over a TUN device with both addresses exchanged: as if from the far
address, to the near one, where the server listens. Checksums stay right, for they are sums. So one network
namespace has both ends, and each packet goes this way, requests and answers.

Its argument is JSON: name, near, far, oneWayMs, loss (share of packets), bitsPerSecond (each way),
partition ({"eachMs", "forMs"}: at the end of each such time nothing comes through for so long) or null, port
(of the server), seed. Writes "ready" when it is there, and goes on until its standard input ends.
"""

import fcntl
import heapq
import json
import os
import random
import select
import struct
import subprocess
import sys
import time

TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 1, 0x1000
# As long as packets wait at most for those before them; what would wait longer is dropped, as by a router.
LONGEST_QUEUE_SECONDS = 0.5

told = json.loads(sys.argv[1])
chance = random.Random(told["seed"])


def open_device():
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH", told["name"].encode(), IFF_TUN | IFF_NO_PI))
    ip = ["ip", "address", "add", told["near"], "peer", told["far"], "dev", told["name"]]
    subprocess.run(ip, check=True)
    subprocess.run(["ip", "link", "set", told["name"], "up", "mtu", "1500"], check=True)
    return device


def is_cut(now):
    partition = told["partition"]
    if partition is None:
        return False
    into_ms = (now - begun) * 1000 % partition["eachMs"]
    return into_ms >= partition["eachMs"] - partition["forMs"]


def is_request(packet):
    ports = (packet[0] & 15) * 4
    _, destination = struct.unpack("!HH", packet[ports : ports + 4])
    return destination == told["port"]


device = open_device()
begun = time.monotonic()
on_the_way = []
free_at = {True: 0.0, False: 0.0}
order = 0
print("ready", flush=True)
while True:
    wait = max(0, on_the_way[0][0] - time.monotonic()) if on_the_way else None
    readable, _, _ = select.select([device, sys.stdin], [], [], wait)
    if sys.stdin in readable and not os.read(0, 4096):
        break
    now = time.monotonic()
    if device in readable:
        packet = os.read(device, 65536)
        is_ipv4 = packet[0] >> 4 == 4
        if is_ipv4 and not is_cut(now) and chance.random() >= told["loss"]:
            way = is_request(packet)
            starts = max(now, free_at[way])
            if starts - now <= LONGEST_QUEUE_SECONDS:
                free_at[way] = starts + len(packet) * 8 / told["bitsPerSecond"]
                exchanged = packet[:12] + packet[16:20] + packet[12:16] + packet[20:]
                order += 1
                heapq.heappush(on_the_way, (free_at[way] + told["oneWayMs"] / 1000, order, exchanged))
    while on_the_way and on_the_way[0][0] <= now:
        os.write(device, heapq.heappop(on_the_way)[2])
