# The supervisor that runs inside a sandbox: a static program, compiled apart from all presets and sanitizers, carried inside the gate as
# bytes. So nothing has to be found at run time, and nothing of the machine's libraries is needed inside.
set(inside_dir ${CMAKE_BINARY_DIR}/sandbox_inside)
file(MAKE_DIRECTORY ${inside_dir})
add_custom_command(
  OUTPUT ${inside_dir}/callgate_inside.o
  COMMAND ${CMAKE_CXX_COMPILER} -std=c++20 -Os -Wall -Wextra -Wshadow -static -fno-exceptions -fno-rtti -s -I${CMAKE_SOURCE_DIR}/src
          -o callgate_inside ${CMAKE_SOURCE_DIR}/src/sandbox/inside/init.cc
  COMMAND ${CMAKE_LINKER} -r -b binary -z noexecstack -o callgate_inside.o callgate_inside
  WORKING_DIRECTORY ${inside_dir}
  DEPENDS ${CMAKE_SOURCE_DIR}/src/sandbox/inside/init.cc ${CMAKE_SOURCE_DIR}/src/sandbox/plan.h
  COMMENT "Building the sandbox's supervisor")
set_source_files_properties(${inside_dir}/callgate_inside.o PROPERTIES EXTERNAL_OBJECT TRUE GENERATED TRUE)
target_sources(sandbox PRIVATE ${inside_dir}/callgate_inside.o)
