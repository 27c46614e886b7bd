# What `make install` puts where: the command, the library with its headers, manual pages, shell completion.
include(GNUInstallDirs)
install(TARGETS arcface_cli arcface arcface_static
        RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR}
        LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/arcface DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})

# The command itself writes its manual pages and completions, from the tables that it reads its options by.
if(NOT CMAKE_CROSSCOMPILING)
  set(pages ${CMAKE_BINARY_DIR}/man/man1)
  set(completion ${CMAKE_BINARY_DIR}/completion)
  add_custom_command(OUTPUT ${pages}/arcface.1 ${completion}/arcface ${completion}/_arcface ${completion}/arcface.fish
                     COMMAND ${CMAKE_COMMAND} -E rm -rf ${pages}
                     COMMAND ${CMAKE_COMMAND} -E make_directory ${completion}
                     COMMAND arcface_cli help --man ${pages}
                     COMMAND arcface_cli help --completion bash > ${completion}/arcface
                     COMMAND arcface_cli help --completion zsh > ${completion}/_arcface
                     COMMAND arcface_cli help --completion fish > ${completion}/arcface.fish
                     DEPENDS arcface_cli VERBATIM)
  add_custom_target(arcface_help ALL DEPENDS ${pages}/arcface.1)
  install(DIRECTORY ${pages} DESTINATION ${CMAKE_INSTALL_MANDIR})
  install(FILES ${completion}/arcface DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
  install(FILES ${completion}/_arcface DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)
  install(FILES ${completion}/arcface.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
endif()
install(DIRECTORY ${PROJECT_SOURCE_DIR}/recipes DESTINATION ${CMAKE_INSTALL_DATADIR}/arcface)
if(TARGET arcface_mpi)
  install(TARGETS arcface_mpi LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
endif()
