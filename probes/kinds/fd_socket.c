// SPDX-License-Identifier: MIT

/*
 * Descriptors from the network: sockets, accepted connections, and descriptors that
 * another process sent in a message (SCM_RIGHTS), which nobody here ever opened.
 */

#include "probes/kinds/fd.h"

#include <sys/socket.h>

/* As each libc declares them. */
#ifdef __GLIBC__
typedef __SOCKADDR_ARG socket_address;
typedef int message_flags;
#else
typedef struct sockaddr *restrict socket_address;
typedef unsigned message_flags;
#endif

HS_FD_NEXT(int, socket, (int domain, int type, int protocol))
HS_FD_NEXT(int, socketpair, (int domain, int type, int protocol, int fds[2]))
HS_FD_NEXT(int, accept, (int listener, socket_address address, socklen_t *size))
HS_FD_NEXT(int, accept4,
           (int listener, socket_address address, socklen_t *size, int flags))
HS_FD_NEXT(ssize_t, recvmsg, (int fd, struct msghdr *message, int flags))
HS_FD_NEXT(int, recvmmsg,
           (int fd, struct mmsghdr *messages, unsigned count, message_flags flags,
            struct timespec *timeout))

HS_EXPORT int socket(int domain, int type, int protocol)
{
    return hs_fd_opened(hs_next_socket()(domain, type, protocol), "socket",
                        HS_HOOK_FRAME);
}

HS_EXPORT int socketpair(int domain, int type, int protocol, int fds[2])
{
    int result = hs_next_socketpair()(domain, type, protocol, fds);
    if (result == 0)
        hs_fds_opened(fds, 2, "socketpair", HS_HOOK_FRAME);
    return result;
}

HS_EXPORT int accept(int listener, socket_address address, socklen_t *size)
{
    return hs_fd_opened(hs_next_accept()(listener, address, size), "accept",
                        HS_HOOK_FRAME);
}

HS_EXPORT int accept4(int listener, socket_address address, socklen_t *size, int flags)
{
    return hs_fd_opened(hs_next_accept4()(listener, address, size, flags), "accept",
                        HS_HOOK_FRAME);
}

static void record_received(struct msghdr *message, const char *call, void *hook_frame)
{
    if (message->msg_controllen < sizeof(struct cmsghdr))
        return;
    for (struct cmsghdr *part = CMSG_FIRSTHDR(message); part;
         part = CMSG_NXTHDR(message, part))
        if (part->cmsg_level == SOL_SOCKET && part->cmsg_type == SCM_RIGHTS
            && part->cmsg_len >= CMSG_LEN(sizeof(int)))
            hs_fds_opened((const int *)(const void *)CMSG_DATA(part),
                          (int)((part->cmsg_len - CMSG_LEN(0)) / sizeof(int)), call,
                          hook_frame);
}

HS_EXPORT ssize_t recvmsg(int fd, struct msghdr *message, int flags)
{
    ssize_t result = hs_next_recvmsg()(fd, message, flags);
    if (result >= 0)
        record_received(message, "recvmsg", HS_HOOK_FRAME);
    return result;
}

HS_EXPORT int recvmmsg(int fd, struct mmsghdr *messages, unsigned count,
                       message_flags flags, struct timespec *timeout)
{
    int result = hs_next_recvmmsg()(fd, messages, count, flags, timeout);
    for (int i = 0; i < result; i++)
        record_received(&messages[i].msg_hdr, "recvmmsg", HS_HOOK_FRAME);
    return result;
}
