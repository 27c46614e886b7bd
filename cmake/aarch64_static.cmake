# As aarch64.cmake, with static libraries of Debian's arm64 packages in ARC_SYSROOT: tools/static_aarch64.sh fills it.
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES ARC_SYSROOT)
include(${CMAKE_CURRENT_LIST_DIR}/aarch64.cmake)
set(CMAKE_FIND_ROOT_PATH ${ARC_SYSROOT} /usr/aarch64-linux-gnu)
set(CMAKE_C_FLAGS_INIT "-isystem ${ARC_SYSROOT}/usr/include/aarch64-linux-gnu -isystem ${ARC_SYSROOT}/usr/include")
set(CMAKE_EXE_LINKER_FLAGS_INIT "-L${ARC_SYSROOT}/usr/lib/aarch64-linux-gnu")
set(ENV{PKG_CONFIG_SYSROOT_DIR} ${ARC_SYSROOT})
set(ENV{PKG_CONFIG_LIBDIR} ${ARC_SYSROOT}/usr/lib/aarch64-linux-gnu/pkgconfig)
