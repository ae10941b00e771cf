#include "unit/net/certificates.hpp"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <stdexcept>

namespace matriarch::net {
namespace {

struct Free {
  void operator()(EVP_PKEY* key) const { ::EVP_PKEY_free(key); }
  void operator()(X509* certificate) const { ::X509_free(certificate); }
  void operator()(X509_EXTENSION* extension) const { ::X509_EXTENSION_free(extension); }
  void operator()(FILE* file) const { std::fclose(file); }
};
using Key = std::unique_ptr<EVP_PKEY, Free>;
using Certificate = std::unique_ptr<X509, Free>;

Certificate new_certificate(const std::string& common_name, EVP_PKEY* key, long serial) {
  Certificate certificate(::X509_new());
  ::X509_set_version(certificate.get(), X509_VERSION_3);
  ::ASN1_INTEGER_set(::X509_get_serialNumber(certificate.get()), serial);
  ::X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -3600);
  ::X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 3600);
  ::X509_set_pubkey(certificate.get(), key);
  ::X509_NAME_add_entry_by_txt(::X509_get_subject_name(certificate.get()), "CN", MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>(common_name.c_str()), -1, -1, 0);
  return certificate;
}

void extend(X509* certificate, int kind, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  ::X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
  const std::unique_ptr<X509_EXTENSION, Free> extension(::X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str()));
  if (extension == nullptr) throw std::runtime_error("bad extension: " + value);
  ::X509_add_ext(certificate, extension.get(), -1);
}

std::unique_ptr<FILE, Free> create(const std::string& path) {
  std::unique_ptr<FILE, Free> file(std::fopen(path.c_str(), "w"));
  if (file == nullptr) throw std::runtime_error("cannot create " + path);
  return file;
}

}  // namespace

struct AnAuthority::Keys {
  Key key{EVP_EC_gen("P-256")};
  Certificate certificate;
};

AnAuthority::AnAuthority(std::string directory, std::string name)
    : directory_(std::move(directory)),
      name_(std::move(name)),
      cafile_(directory_ + "/" + name_ + ".pem"),
      keys_(std::make_unique<Keys>()) {
  keys_->certificate = new_certificate(name_, keys_->key.get(), 1);
  X509* const own = keys_->certificate.get();
  ::X509_set_issuer_name(own, ::X509_get_subject_name(own));
  extend(own, NID_basic_constraints, "critical,CA:TRUE");
  ::X509_sign(own, keys_->key.get(), ::EVP_sha256());
  ::PEM_write_X509(create(cafile_).get(), own);
}

AnAuthority::~AnAuthority() = default;

AnAuthority::Issued AnAuthority::issue(const std::string& common_name, const std::string& names,
                                       const std::string& password) {
  const std::string base = directory_ + "/" + name_ + "-" + std::to_string(++issued_);
  const Issued files{.certfile = base + ".crt", .keyfile = base + ".key"};
  const Key key(EVP_EC_gen("P-256"));
  const Certificate certificate = new_certificate(common_name, key.get(), issued_ + 1);
  ::X509_set_issuer_name(certificate.get(), ::X509_get_subject_name(keys_->certificate.get()));
  if (!names.empty()) extend(certificate.get(), NID_subject_alt_name, names);
  ::X509_sign(certificate.get(), keys_->key.get(), ::EVP_sha256());
  ::PEM_write_X509(create(files.certfile).get(), certificate.get());
  const auto* secret = reinterpret_cast<const unsigned char*>(password.data());
  ::PEM_write_PrivateKey(create(files.keyfile).get(), key.get(), password.empty() ? nullptr : ::EVP_aes_256_cbc(),
                         password.empty() ? nullptr : secret, static_cast<int>(password.size()), nullptr, nullptr);
  return files;
}

}  // namespace matriarch::net
