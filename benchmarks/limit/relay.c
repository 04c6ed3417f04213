/* The limit: the least that a forwarder can do for an event. It reads lengths and bodies from one socket, posts each
 * over one of a fixed number of kept connections, and writes a byte back for every answer. No parsing, no signature.
 *
 *     relay SERVICE_PORT RECEIVER_PORT CONNECTIONS
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum { ROOM = 8 << 20, MOST = 1024 };

static char incoming[ROOM], answer[65536];
static size_t begin, end;
static int idle[MOST], idle_count;

static int connect_to(int port)
{
	int one = 1, fd = socket(AF_INET, SOCK_STREAM, 0);
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (connect(fd, (struct sockaddr *)&address, sizeof address)) {
		perror("connect");
		exit(1);
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	return fd;
}

static void must_write(int fd, const void *data, size_t length)
{
	while (length) {
		ssize_t written = write(fd, data, length);
		if (written <= 0)
			exit(1);
		data = (const char *)data + written;
		length -= written;
	}
}

static void post(int fd, const char *body, uint32_t length)
{
	static char request[ROOM];
	int head = sprintf(request,
		"POST /hook HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: %u\r\n\r\n", length);
	memcpy(request + head, body, length);
	must_write(fd, request, head + length);
}

/* Posts what is whole, as far as connections are idle. */
static void post_all(void)
{
	uint32_t length;
	while (idle_count && end - begin >= sizeof length) {
		memcpy(&length, incoming + begin, sizeof length);
		if (end - begin < sizeof length + length)
			break;
		post(idle[--idle_count], incoming + begin + sizeof length, length);
		begin += sizeof length + length;
	}
	if (begin) {
		memmove(incoming, incoming + begin, end - begin);
		end -= begin;
		begin = 0;
	}
}

static void watch(int poll, int fd)
{
	struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
	epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event);
}

int main(int count, char **arguments)
{
	if (count != 4)
		return 2;
	int poll = epoll_create1(0), service = connect_to(atoi(arguments[1])), connections = atoi(arguments[3]);
	for (int i = 0; i < connections && i < MOST; i++) {
		idle[idle_count++] = connect_to(atoi(arguments[2]));
		watch(poll, idle[i]);
	}
	watch(poll, service);
	const char *hello = "GET /ch HTTP/1.1\r\n\r\n";
	must_write(service, hello, strlen(hello));
	for (;;) {
		struct epoll_event events[MOST];
		int ready = epoll_wait(poll, events, MOST, -1), done = 0;
		for (int i = 0; i < ready; i++) {
			int fd = events[i].data.fd, from_service = fd == service;
			ssize_t got = from_service ? read(fd, incoming + end, ROOM - end) : read(fd, answer, sizeof answer);
			if (got <= 0)
				return 0;
			if (from_service)
				end += got;
			else {
				idle[idle_count++] = fd;
				done++;
			}
		}
		if (done) {
			memset(answer, 1, done);
			must_write(service, answer, done);
		}
		post_all();
	}
}
