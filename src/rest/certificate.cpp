#include "rest/certificate.hpp"

#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <ctime>
#include <memory>

namespace matriarch::rest {

std::optional<model::WallTime> certificate_end(const std::string& path) {
  const std::unique_ptr<BIO, decltype(&::BIO_free)> file(::BIO_new_file(path.c_str(), "r"), ::BIO_free);
  if (!file) return std::nullopt;
  const std::unique_ptr<X509, decltype(&::X509_free)> certificate(::PEM_read_bio_X509(file.get(), nullptr, nullptr, nullptr), ::X509_free);
  std::tm end{};
  if (!certificate || ::ASN1_TIME_to_tm(::X509_get0_notAfter(certificate.get()), &end) != 1) return std::nullopt;
  return model::WallTime{std::chrono::seconds{::timegm(&end)}};
}

}  // namespace matriarch::rest
