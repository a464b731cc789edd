// Says in shared memory that a thread's heap nears its limit, and gives it room until somebody ends the thread.
#pragma once
#include <node_api.h>

namespace weir {

// False: this thread has one already.
bool guardHeap(napi_env env, napi_value keep, double* alarm, size_t extraBytes);

}  // namespace weir
