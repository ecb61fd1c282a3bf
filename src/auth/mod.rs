//! auth (placeholder until the helper's lands).
/// x
pub struct Auth;
impl Auth {
    /// x
    pub async fn answer<B>(&self, _request: http::Request<B>, _peer: &crate::web::Peer) -> crate::web::Answer {
        crate::web::Problem::new(crate::web::Code::NotFound).answer()
    }
    /// x
    pub fn problem_page(&self, problem: &crate::web::Problem) -> crate::web::Answer { problem.answer() }
}
