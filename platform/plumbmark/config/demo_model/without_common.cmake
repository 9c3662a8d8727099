# llama.cpp's library for its own tools takes a third of the time to compile, and its source cannot
# be compiled several files at once. The Python package asks for it and does not use it. Its cached
# setting cannot be changed from outside; a plain variable of the same name goes before it.
set(LLAMA_BUILD_COMMON OFF)
