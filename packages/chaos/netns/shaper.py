#!/usr/bin/env python3
"""
Makes packets late, twice, out of order or few, for each direction between two hosts by itself. Only the standard library.

Each host has a tun device, `shape0`, `shape1` and so on, which is made here and moved into the host's network namespace by whoever
started this. What is routed into it comes out here, waits, and goes on as it is from the namespace that this process runs in. What
is not impaired is not routed here, and costs nothing.

usage: shaper.py SEED ADDRESS...
stdin:  {"id": 7, "from": 0, "to": 1, "conditions": {"delayMs": 50, "jitterMs": 10}}, a line each
stdout: {"ready": true} when the devices are there, {"id": 7} when a line is in force
It ends when stdin does.
"""
import fcntl
import heapq
import json
import os
import random
import select
import socket
import struct
import sys
import time

TUNSETIFF = 0x400454CA
IFF_TUN = 0x0001
IFF_NO_PI = 0x1000
PACKET_BYTES_MAX = 65_536
# Packets that are taken from a device before the others have their turn.
BURST = 64
# What waits for bandwidth longer than this is dropped, as a router's queue does, in seconds.
BANDWIDTH_QUEUE_S = 0.4
# A packet that is to be overtaken arrives so much later than it would, in seconds.
OVERTAKEN_S = 0.01
# Packets on their way, of all links together: 64 MiB at the usual 1,500 bytes. What comes above is dropped.
HELD_PACKETS_MAX = 44_000


class Link:
    """One direction between two hosts."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.conditions = {}
        self.busy_until = 0.0
        self.newest_due = 0.0

    def due_times(self, now, size):
        """When a packet arrives that is sent now: once, twice, or never."""
        get = self.conditions.get
        due = now
        rate = get('bytesPerSecond')
        if rate is not None:
            self.busy_until = max(self.busy_until, now)
            if self.busy_until - now > BANDWIDTH_QUEUE_S:
                return ()
            self.busy_until += size / rate
            due = self.busy_until
        jitter = get('jitterMs', 0)
        due += max(0, get('delayMs', 0) + self.random.uniform(-jitter, jitter)) / 1_000
        if self.chance(get('reorderRate', 0)):
            return (due + OVERTAKEN_S,)
        # Nothing overtakes by chance.
        self.newest_due = due = max(due, self.newest_due)
        return (due, due) if self.chance(get('duplicateRate', 0)) else (due,)

    def chance(self, rate):
        return rate > 0 and self.random.random() < rate


class Shaper:
    def __init__(self, seed, addresses):
        self.hosts = {socket.inet_aton(address): host for host, address in enumerate(addresses)}
        count = len(addresses)
        self.links = {
            (source, target): Link(f'{seed}:{source}:{target}')
            for source in range(count)
            for target in range(count)
        }
        self.raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
        self.devices = {open_tun(f'shape{host}'): host for host in range(count)}
        self.held = []
        self.sent = 0
        self.unread = b''
        self.is_over = False

    def run(self):
        poll = select.poll()
        for fd in (*self.devices, 0):
            poll.register(fd, select.POLLIN)
        say({'ready': True})
        while not self.is_over:
            for fd, _ in poll.poll(self.wait_ms()):
                if fd == 0:
                    self.obey()
                else:
                    self.take(fd)
            self.deliver()

    def wait_ms(self):
        if not self.held:
            return None
        return max(0.0, (self.held[0][0] - time.monotonic()) * 1_000)

    def obey(self):
        data = os.read(0, PACKET_BYTES_MAX)
        self.is_over = data == b''
        *lines, self.unread = (self.unread + data).split(b'\n')
        for line in lines:
            order = json.loads(line)
            self.links[order['from'], order['to']].conditions = order['conditions']
            say({'id': order['id']})

    def take(self, fd):
        source = self.devices[fd]
        for _ in range(BURST):
            try:
                packet = os.read(fd, PACKET_BYTES_MAX)
            except BlockingIOError:
                return
            except OSError:
                # Its namespace is gone.
                os.close(fd)
                del self.devices[fd]
                return
            if packet[0] >> 4 == 4:
                self.hold(source, packet)

    def hold(self, source, packet):
        target = self.hosts.get(packet[16:20])
        if target is None or len(self.held) >= HELD_PACKETS_MAX:
            return
        for due in self.links[source, target].due_times(time.monotonic(), len(packet)):
            self.sent += 1
            heapq.heappush(self.held, (due, self.sent, packet))

    def deliver(self):
        now = time.monotonic()
        while self.held and self.held[0][0] <= now:
            packet = heapq.heappop(self.held)[2]
            try:
                self.raw.sendto(packet, (socket.inet_ntoa(packet[16:20]), 0))
            except OSError:
                # No room, or nobody there: a packet is lost, as packets are.
                pass


def open_tun(name):
    fd = os.open('/dev/net/tun', os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(fd, TUNSETIFF, struct.pack('16sH22x', name.encode(), IFF_TUN | IFF_NO_PI))
    return fd


def say(message):
    print(json.dumps(message), flush=True)


if __name__ == '__main__':
    try:
        Shaper(sys.argv[1], sys.argv[2:]).run()
    except KeyboardInterrupt:
        pass
