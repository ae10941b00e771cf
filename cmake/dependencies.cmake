# Every library the project uses, with the reason beside it. All come from Debian's packages.
find_package(Threads REQUIRED)
find_package(Boost 1.81 REQUIRED COMPONENTS json url)       # Asio, Beast (HTTP), JSON, URL
find_package(OpenSSL 3 REQUIRED)                            # TLS, AEAD of the Raft transport
find_package(fmt REQUIRED)
find_package(tl-expected REQUIRED)                          # Result<T, E> (std::expected is C++23)
find_package(spdlog REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(CLI11 REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(LIBPQ REQUIRED IMPORTED_TARGET libpq)
pkg_check_modules(LIBUV REQUIRED IMPORTED_TARGET libuv)
pkg_check_modules(CARES REQUIRED IMPORTED_TARGET libcares)  # SRV records
# Older releases can commit entries of an old term by counting replicas.
pkg_check_modules(RAFT REQUIRED IMPORTED_TARGET raft>=0.22.1)

# The vocabulary: allowed in every room except guardian/.
add_library(matriarch_vocabulary INTERFACE)
target_link_libraries(matriarch_vocabulary INTERFACE fmt::fmt Boost::json tl::expected)

# Asio as awaitable coroutines, without its deprecated parts.
add_library(matriarch_asio INTERFACE)
target_link_libraries(matriarch_asio INTERFACE Boost::headers Threads::Threads)
target_compile_definitions(matriarch_asio INTERFACE BOOST_ASIO_NO_DEPRECATED BOOST_ASIO_NO_TS_EXECUTORS)
