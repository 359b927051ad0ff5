import fcntl
import os
import socket

server = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
server.bind("/srv/server")
client = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
client.bind("/srv/client")
client.sendto(b"sendto", "/srv/server")
text, address = server.recvfrom(100)
print(text)
server.sendto(b"an answer by sendto", address)
print(client.recv(100))
server.sendmsg([b"an answer ", b"by sendmsg"], [], 0, address)
print(client.recv(100))
server.connect(address)
server.send(b"an answer by connect")
print(client.recv(100))
client.sendmsg([b"sendmsg"], [], 0, "/srv/server")
print(server.recv(100))
try:
    client.sendmsg([b"lost"], [], 0, "/srv/nobody")
except OSError as error:
    print(error.errno)
low = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
low.bind(("127.0.0.1", 93))
low.settimeout(5)
low.sendmsg([b"to a low port"], [], 0, ("127.0.0.1", 93))
print(low.recv(100))
one, other = socket.socketpair()
descriptor = os.open("/proc/self/status", os.O_RDONLY)
socket.send_fds(one, [b"with a descriptor"], [descriptor])
text, (descriptor,), *_ = socket.recv_fds(other, 100, 1)
print(text, oct(fcntl.fcntl(descriptor, fcntl.F_GETFL)), oct(os.fstat(descriptor).st_mode))
