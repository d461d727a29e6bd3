// A PKCS#11 module that takes as long as a device does: SoftHSM behind a wait before each call that a security module answers
// itself. SoftHSM alone costs the cores that the nodes need; a device costs them nothing and time. Compiled by distant.ts.
//
//   REAL     path of the module behind it
//   WAIT_US  microseconds
#include <dlfcn.h>
#include <time.h>

#include "pkcs11.h"

static CK_FUNCTION_LIST *real;
static CK_FUNCTION_LIST distant;

static void wait() {
  const timespec time = {WAIT_US / 1000000, WAIT_US % 1000000 * 1000L};
  nanosleep(&time, nullptr);
}

template <auto function, typename type> struct After;
template <auto function, typename... Arguments> struct After<function, CK_RV (*)(Arguments...)> {
  static CK_RV call(Arguments... arguments) {
    wait();
    return (real->*function)(arguments...);
  }
};

#define DISTANT(name) distant.name = After<&CK_FUNCTION_LIST::name, decltype(CK_FUNCTION_LIST::name)>::call

extern "C" CK_RV C_GetFunctionList(CK_FUNCTION_LIST_PTR_PTR list) {
  if (real == nullptr) {
    void *module = dlopen(REAL, RTLD_NOW | RTLD_LOCAL);
    const auto get = module == nullptr ? nullptr : reinterpret_cast<CK_C_GetFunctionList>(dlsym(module, "C_GetFunctionList"));
    if (get == nullptr) return CKR_GENERAL_ERROR;
    if (const CK_RV failed = get(&real)) return failed;
    distant = *real;
    // Left as it is: what begins an operation, which a library keeps until the data come.
    DISTANT(C_Sign);
    DISTANT(C_Encrypt);
    DISTANT(C_Decrypt);
    DISTANT(C_DeriveKey);
    DISTANT(C_WrapKey);
    DISTANT(C_UnwrapKey);
    DISTANT(C_GenerateKey);
    DISTANT(C_GenerateKeyPair);
    DISTANT(C_CreateObject);
    DISTANT(C_CopyObject);
    DISTANT(C_DestroyObject);
    DISTANT(C_SetAttributeValue);
    DISTANT(C_GetAttributeValue);
    DISTANT(C_FindObjects);
    DISTANT(C_GenerateRandom);
  }
  *list = &distant;
  return CKR_OK;
}
