/*
 * SPDX-FileCopyrightText: 2026 The rBPF for RIOT authors
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */

#pragma once

/**
 * @defgroup    pkg_rbpf rBPF containers
 * @ingroup     pkg
 * @brief       Hosts small isolated programs in the eBPF instruction set
 *
 * The functions hand their request to the thread `rbpf` and wait for it, at
 * most @ref CONFIG_RBPF_TIMEOUT_MS. They may be called by any thread once
 * auto_init is through, and never from an interrupt.
 *
 * @{
 *
 * @file
 * @brief       rBPF containers from C
 */

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * @brief   Install a container
 *
 * The image is copied and verified; nothing runs yet. The container gets all
 * capabilities that its image wants.
 *
 * @param[in] name      name, 1 to 16 bytes
 * @param[in] image     image as `rbpf build` makes it, need not be aligned
 * @param[in] length    bytes of the image
 *
 * @retval 0            it is installed
 * @retval -EINVAL      a pointer is NULL, or the name empty or too long
 * @retval -EEXIST      there is a container of that name
 * @retval -ENOMEM      the image is too large, or no slot is free
 * @retval -EBADMSG     the image is malformed or the verifier refuses it
 * @retval -EBUSY       too many requests wait
 * @retval -ETIMEDOUT   no answer in time; it may be installed all the same
 */
int rbpf_install(const char *name, const void *image, size_t length);

/**
 * @brief   Remove a container, its bindings and its stored values
 *
 * @param[in] name      its name
 *
 * @retval 0            it is gone
 * @retval -EINVAL      @p name is NULL
 * @retval -ENOENT      there is no such container
 * @retval -EBUSY       too many requests wait
 * @retval -ETIMEDOUT   no answer in time
 */
int rbpf_remove(const char *name);

/**
 * @brief   Let a container answer the CoAP requests for a path
 *
 * @param[in] name      the container's name
 * @param[in] path      path with its leading slash, at most 32 bytes
 *
 * @retval 0            it is bound
 * @retval -EINVAL      a pointer is NULL, or the path malformed or too long
 * @retval -ENOENT      there is no such container
 * @retval -EEXIST      the path is in use, or the module's own
 * @retval -ENOMEM      the table of bindings is full
 * @retval -EBUSY       too many requests wait
 * @retval -ETIMEDOUT   no answer in time
 */
int rbpf_bind(const char *name, const char *path);

/**
 * @brief   Undo @ref rbpf_bind
 *
 * @param[in] path      the path
 *
 * @retval 0            no container answers there any more
 * @retval -EINVAL      @p path is NULL
 * @retval -ENOENT      none did
 * @retval -EBUSY       too many requests wait
 * @retval -ETIMEDOUT   no answer in time
 */
int rbpf_unbind(const char *path);

#ifdef __cplusplus
}
#endif

/** @} */
