# What `make install` puts where: the command, the library with its headers, the man page.
include(GNUInstallDirs)
install(TARGETS arcface_cli arcface arcface_static
        RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR}
        LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/arcface DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(FILES ${PROJECT_SOURCE_DIR}/packaging/arcface.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/recipes DESTINATION ${CMAKE_INSTALL_DATADIR}/arcface)
if(TARGET arcface_mpi)
  install(TARGETS arcface_mpi LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
endif()
